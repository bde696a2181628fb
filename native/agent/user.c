/* Users and groups as the image's own /etc/passwd and /etc/group name them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

enum { DATABASE_LIMIT = 1 << 20, MOST_FIELDS = 7 };

static bool parse_id(const char *text, uint32_t *id)
{
	if (*text == 0 || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return false;
	unsigned long long value = strtoull(text, NULL, 10);
	if (value > INT32_MAX)
		return false;
	*id = (uint32_t)value;
	return true;
}

/* Splits the next line of `*rest` at its colons; the fields found, or -1 at the end. */
static int next_entry(char **rest, char *fields[MOST_FIELDS])
{
	char *line = *rest;
	if (*line == 0)
		return -1;
	char *end = strchr(line, '\n');
	*rest = end == NULL ? line + strlen(line) : end + 1;
	if (end != NULL)
		*end = 0;
	int count = 0;
	while (count < MOST_FIELDS) {
		fields[count++] = line;
		line = strchr(line, ':');
		if (line == NULL)
			break;
		*line++ = 0;
	}
	return count;
}

static bool find_user(int root, const char *user, bool numeric, struct identity *identity)
{
	char *text = resolve_read(root, "etc/passwd", DATABASE_LIMIT);
	char *rest = text;
	char *fields[MOST_FIELDS];
	bool found = false;
	int count;
	while (text != NULL && !found && (count = next_entry(&rest, fields)) >= 0) {
		uint32_t uid, gid;
		if (count < 6 || !parse_id(fields[2], &uid) || !parse_id(fields[3], &gid))
			continue;
		found = numeric ? uid == identity->uid : strcmp(fields[0], user) == 0;
		if (!found)
			continue;
		identity->uid = uid;
		identity->gid = gid;
		snprintf(identity->home, sizeof identity->home, "%s", fields[5]);
	}
	free(text);
	return found;
}

static bool has_member(char *members, const char *user)
{
	char *state;
	for (char *name = strtok_r(members, ",", &state); name != NULL; name = strtok_r(NULL, ",", &state))
		if (strcmp(name, user) == 0)
			return true;
	return false;
}

static void add_group(struct identity *identity, gid_t gid)
{
	for (size_t i = 0; i < identity->group_count; i++)
		if (identity->groups[i] == gid)
			return;
	if (identity->group_count < sizeof identity->groups / sizeof *identity->groups)
		identity->groups[identity->group_count++] = gid;
}

/* The group's id by name or number; `member` instead collects every group that lists the user. */
static bool find_group(int root, const char *group, const char *member, gid_t *gid, struct identity *identity)
{
	char *text = resolve_read(root, "etc/group", DATABASE_LIMIT);
	char *rest = text;
	char *fields[MOST_FIELDS];
	bool found = false;
	int count;
	while (text != NULL && (count = next_entry(&rest, fields)) >= 0) {
		uint32_t id;
		if (count < 3 || !parse_id(fields[2], &id))
			continue;
		if (member != NULL && count > 3 && has_member(fields[3], member))
			add_group(identity, id);
		if (group != NULL && !found && strcmp(fields[0], group) == 0) {
			*gid = id;
			found = true;
		}
	}
	free(text);
	return found;
}

static int unknown(struct failure *failure, const char *kind, const char *name)
{
	return fail_as(failure, "invalid", strcmp(kind, "user") == 0 ? "USER_UNKNOWN" : "GROUP_UNKNOWN", 0,
		       "unable to find %s %.200s: no matching entries in %s file", kind, name,
		       strcmp(kind, "user") == 0 ? "passwd" : "group");
}

static int take_group(int root, const char *group, gid_t *gid, struct failure *failure)
{
	if (find_group(root, group, NULL, gid, NULL) || parse_id(group, gid))
		return 0;
	return unknown(failure, "group", group);
}

int user_lookup(int root, const char *user, char *const *groups, struct identity *identity, struct failure *failure)
{
	char name[256];
	const char *colon = strchr(user, ':');
	*identity = (struct identity){.home = "/"};
	snprintf(name, sizeof name, "%.*s", (int)(colon == NULL ? strlen(user) : (size_t)(colon - user)), user);
	bool numeric = name[0] == 0 || parse_id(name, &identity->uid);
	if (!find_user(root, name, false, identity) && !(numeric && find_user(root, name, true, identity)) && !numeric)
		return unknown(failure, "user", name);
	if (colon != NULL && colon[1] != 0) {
		if (take_group(root, colon + 1, &identity->gid, failure) < 0)
			return -1;
	} else if (name[0] != 0 && !numeric) {
		find_group(root, NULL, name, NULL, identity);
	} else if (identity->uid == 0) {
		find_group(root, NULL, "root", NULL, identity);
	}
	/* With it, a file that shuts its group out shuts this user out too (CVE-2022-36109). */
	add_group(identity, identity->gid);
	for (; groups != NULL && *groups != NULL; groups++) {
		gid_t gid;
		if (take_group(root, *groups, &gid, failure) < 0)
			return -1;
		add_group(identity, gid);
	}
	return 0;
}
