#include "daemon/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/probe.h"
#include "daemon/identity_priv.h"

struct daemon_identity *daemon_identity_ref(struct daemon_identity *id)
{
	(void)__atomic_add_fetch(&id->refs, 1, __ATOMIC_RELAXED);
	return id;
}

void daemon_identity_unref(struct daemon_identity *id)
{
	if (!id || __atomic_sub_fetch(&id->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(id->version);
	hp_strv_done(&id->quote_dirs);
	hp_strv_done(&id->angle_dirs);
	hp_strv_done(&id->files);
	hp_strv_done(&id->missing);
	free(id->stamps);
	free(id);
}

struct daemon_identity *daemon_identity_new(void)
{
	struct daemon_identity *id = hp_zalloc(sizeof *id);

	id->refs = 1;
	return id;
}

bool daemon_identity_holds(const struct daemon_identity *id)
{
	struct sys_stamp now;

	if (!id->trusted)
		return false;
	for (size_t i = 0; i < id->files.len; i++) {
		if (sys_stamp_path(id->files.v[i], &now) < 0 || !sys_stamp_eq(&now, &id->stamps[i]))
			return false;
	}
	for (size_t i = 0; i < id->missing.len; i++) {
		if (sys_stamp_path(id->missing.v[i], &now) == 0)
			return false;
	}
	return true;
}

struct daemon_identities {
	pthread_mutex_t lock;
	struct hp_map map; /* query digest → struct daemon_identity *, one reference */
	char *dir;
	struct codec_digest cpu; /* what -march=native asks about */
	bool cpu_known;
};

/* Distinct (compiler, language, flags, environment) combinations; a machine has dozens. The table starts over when a
 * peer of ours makes up more. */
#define IDENTITIES_MAX 4096u

/* One block of a KiB or two for each processor. */
#define CPU_PATH "/proc/cpuinfo"
#define CPU_SIZE_MAX (16u << 20)

struct daemon_identities *daemon_identities_new(const char *dir)
{
	struct daemon_identities *ids = hp_zalloc(sizeof *ids);

	(void)pthread_mutex_init(&ids->lock, NULL);
	if (dir && sys_mkdirs(dir, 0700, NULL) == 0)
		ids->dir = hp_strdup(dir);
	return ids;
}

static void forget_all(struct daemon_identities *ids)
{
	for (size_t i = 0; i < ids->map.cap; i++)
		daemon_identity_unref(ids->map.slots[i].value);
	hp_map_done(&ids->map);
}

void daemon_identities_free(struct daemon_identities *take_ids)
{
	if (!take_ids)
		return;
	forget_all(take_ids);
	(void)pthread_mutex_destroy(&take_ids->lock);
	free(take_ids->dir);
	free(take_ids);
}

static bool asks_the_cpu(const struct hp_strv *ident_args)
{
	for (size_t i = 0; i < ident_args->len; i++) {
		if (strstr(ident_args->v[i], "native"))
			return true;
	}
	return false;
}

/* The records may outlive the machine's processor, or lie where several machines share them. */
static void add_cpu(struct daemon_identities *ids, struct codec_hasher *h)
{
	(void)pthread_mutex_lock(&ids->lock);
	if (!ids->cpu_known) {
		HP_AUTO_BUF struct hp_buf text = {0};
		HP_AUTO_BUF struct hp_buf cpu = {0};

		(void)sys_read_file(CPU_PATH, CPU_SIZE_MAX, &text, NULL, NULL);
		cc_probe_cpu(hp_buf_cstr(&text), &cpu);
		codec_blake3(cpu.data, cpu.len, &ids->cpu);
		ids->cpu_known = true;
	}
	codec_hasher_add(h, ids->cpu.b, sizeof ids->cpu.b);
	(void)pthread_mutex_unlock(&ids->lock);
}

static void query_digest(struct daemon_identities *ids, const struct daemon_identity_query *q,
                         struct codec_digest *ret_digest)
{
	struct codec_hasher h;

	codec_hasher_init(&h);
	codec_hasher_add_str(&h, "hpcc identity query 2");
	codec_hasher_add_str(&h, q->compiler);
	codec_hasher_add_str(&h, q->lang ? q->lang : "");
	codec_hasher_add_u64(&h, q->lang ? q->ident_args->len : 0);
	for (size_t i = 0; q->lang && i < q->ident_args->len; i++)
		codec_hasher_add_str(&h, q->ident_args->v[i]);
	for (size_t i = 0; i < q->env->len; i++)
		codec_hasher_add_str(&h, q->env->v[i]);
	if (q->lang && asks_the_cpu(q->ident_args))
		add_cpu(ids, &h);
	codec_hasher_end(&h, ret_digest);
}

static struct daemon_identity *recall(struct daemon_identities *ids, const struct codec_digest *key)
{
	struct daemon_identity *id;

	(void)pthread_mutex_lock(&ids->lock);
	id = hp_map_find(&ids->map, key->b, sizeof key->b);
	if (id)
		(void)daemon_identity_ref(id);
	(void)pthread_mutex_unlock(&ids->lock);
	return id;
}

static void remember(struct daemon_identities *ids, const struct codec_digest *key, struct daemon_identity *id)
{
	struct hp_map_slot *slot;

	(void)pthread_mutex_lock(&ids->lock);
	if (ids->map.len >= IDENTITIES_MAX)
		forget_all(ids);
	slot = hp_map_put(&ids->map, key->b, sizeof key->b);
	daemon_identity_unref(slot->value);
	slot->value = daemon_identity_ref(id);
	(void)pthread_mutex_unlock(&ids->lock);
}

/* The name carries the digest of the question, so a record can only answer the question it was written for. */
static char *record_path(const struct daemon_identities *ids, const struct codec_digest *key)
{
	char hex[CODEC_DIGEST_HEX_SIZE];

	if (!ids->dir)
		return NULL;
	codec_digest_hex(key, hex);
	return hp_asprintf("%s/%s", ids->dir, hex);
}

static struct daemon_identity *recall_from_disk(const char *path)
{
	HP_AUTO_BUF struct hp_buf text = {0};

	if (!path || sys_read_file(path, HP_DEPFILE_SIZE_MAX, &text, NULL, NULL) < 0)
		return NULL;
	return daemon_identity_decode(text.data, text.len);
}

static bool is_script(const char *path)
{
	HP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[2];

	return fd >= 0 && read(fd, head, sizeof head) == 2 && head[0] == '#' && head[1] == '!';
}

int daemon_identity_get(struct daemon_identities *ids, const struct daemon_identity_query *q,
                        struct daemon_identity **ret_id, struct hp_err *err)
{
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = NULL;
	HP_AUTO_FREE char *path = NULL;
	struct codec_digest key;
	int r;

	query_digest(ids, q, &key);
	id = recall(ids, &key);
	if (id && daemon_identity_holds(id)) {
		*ret_id = hp_steal(id);
		return 0;
	}
	daemon_identity_unref(id);
	path = record_path(ids, &key);
	id = recall_from_disk(path);
	if (!id || !daemon_identity_holds(id)) {
		daemon_identity_unref(id);
		id = NULL;
		/* Only here: what an identity holds for is no script, since it would be another file. */
		if (q->no_script && is_script(q->compiler))
			return hp_err_set(err, HP_NOT_FOUND, "%s: a script", q->compiler);
		r = daemon_identity_ask(q, &id, err);
		if (r < 0)
			return r;
		if (path && id->trusted) {
			HP_AUTO_BUF struct hp_buf text = {0};

			daemon_identity_encode(id, &text);
			(void)sys_write_file_atomic(path, 0600, text.data, text.len, NULL);
		}
	}
	remember(ids, &key, id);
	*ret_id = hp_steal(id);
	return 0;
}
