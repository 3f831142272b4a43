/* What people and registries write: image references, WWW-Authenticate headers, files of credentials. What is accepted can
 * stand in a URL or a header line. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "oci/challenge.h"
#include "oci/credentials.h"
#include "oci/ref.h"
#include "oci/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HP_AUTO_FREE char *text = hp_strndup((const char *)data, size);
	HP_AUTO_FREE char *userpwd = NULL;
	struct oci_challenge challenge;
	struct oci_ref ref;

	if (oci_ref_parse(text, &ref, NULL) == 0) {
		assert(ref.host[0] && !strpbrk(ref.host, "/@ \r\n?#"));
		assert(ref.repository[0] && !strpbrk(ref.repository, "@: \r\n?#") && !strstr(ref.repository, "//"));
		assert(!strpbrk(ref.tag, "/@: \r\n?#"));
		assert(!ref.digest[0] || oci_digest_valid(ref.digest));
		assert(ref.tag[0] || ref.digest[0]);
	}
	if (oci_challenge_parse(text, &challenge, NULL) == 0)
		assert(challenge.scheme == OCI_SCHEME_BASIC || challenge.realm[0]);
	if (oci_credentials_parse(text, strlen(text), "registry.example", &userpwd, NULL) == 0 && userpwd)
		assert(strchr(userpwd, ':'));
	return 0;
}
