/* Root file systems that are ready, by what they were made of: image digest, agent, writer version, compression.
 *
 *     DIR/rootfs/NAME.sqsh      the file; NAME is 32 hex digits of BLAKE3 over what it was made of
 *     DIR/rootfs/NAME.json      what it is; published after the file: without it there is no entry
 *     DIR/lock/NAME             held exclusively by who makes it
 *     DIR/grant/TENANT/DIGEST   the tenant may use the image: its own pull brought it
 *     DIR/pin/DIGEST            never evicted
 *
 * Any number of processes share a catalogue. A process killed at any point leaves at most a file that the next one removes.
 * Who waits for a file in the making makes it itself when the maker dies. What is in use (a lease) is not evicted. */
#pragma once

#include "oci/rootfs.h"

struct oci_catalogue;

/* Makes the folder when it is missing. size_max 0: no bound. */
int oci_catalogue_new(const char *dir, uint64_t size_max, struct oci_catalogue **ret_catalogue, struct hp_err *err);
void oci_catalogue_free(struct oci_catalogue *take_catalogue);

/* A root file system in use. */
struct oci_lease {
	char *path;
	int fd; /* open for reading, and locked: as long as it is, the file stays */
};
void oci_lease_done(struct oci_lease *lease);

/* The root file system of an image that the source has, made now if need be, and the tenant's from now on: whoever can get the
 * image's manifest from the source may use it. *ret_made tells whether it was made. */
int oci_catalogue_pull(struct oci_catalogue *c, const char *tenant, struct oci_source *source,
                       const struct oci_image *image, const struct oci_rootfs_options *options,
                       struct oci_lease *ret_lease, bool *ret_made, struct hp_err *err);

/* One that is there. -HP_NOT_FOUND when it is not, or not the tenant's: the two cannot be told apart. */
int oci_catalogue_get(struct oci_catalogue *c, const char *tenant, const char *image_digest,
                      const struct oci_rootfs_options *options, struct oci_lease *ret_lease, struct hp_err *err);

struct oci_catalogue_entry {
	char name[33];
	char image[OCI_DIGEST_SIZE];
	char agent[65];       /* BLAKE3 of the agent, "" without one */
	char compression[16]; /* "gzip:9" */
	char digest[65];      /* BLAKE3 of the file */
	uint64_t size;
	int64_t made_s;
	int64_t used_s;
	bool pinned;
};

/* All entries, most recently used first; the caller frees the array. */
int oci_catalogue_list(struct oci_catalogue *c, struct oci_catalogue_entry **ret_entries, size_t *ret_len,
                       struct hp_err *err);

/* Reads the whole file again: 0, or -HP_DATA_LOSS after a damaged entry was removed. -HP_NOT_FOUND. */
int oci_catalogue_verify(struct oci_catalogue *c, const char *name, struct hp_err *err);
/* -HP_PRECONDITION when it is in use. */
int oci_catalogue_remove(struct oci_catalogue *c, const char *name, struct hp_err *err);
int oci_catalogue_pin(struct oci_catalogue *c, const char *image_digest, bool pin, struct hp_err *err);
