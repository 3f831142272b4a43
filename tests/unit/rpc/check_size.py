"""The server half of rpc in a static, stripped program: at most 1.2 MB, of which libc alone is 0.77 (printf and a
thread), and nothing of OpenSSL, a compressor or the resolver."""
import os
import subprocess
import sys
import tempfile

LIMIT = 1200 * 1000
UNWANTED = ("SSL_", "EVP_", "ZSTD_", "deflate", "inflate", "getaddrinfo", "codec_")

program = sys.argv[1]
with tempfile.TemporaryDirectory() as scratch:
    stripped = os.path.join(scratch, "stripped")
    subprocess.run(["strip", "-o", stripped, program], check=True)
    size = os.path.getsize(stripped)
names = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout.split()
found = sorted({n for n in names if n.startswith(UNWANTED)})
print(f"{size} bytes, at most {LIMIT}; unwanted: {found}")
sys.exit(1 if size > LIMIT or found else 0)
