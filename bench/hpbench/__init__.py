"""What `make bench` is made of; bench/run is the command line. Standard library only."""
