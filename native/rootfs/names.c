#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

static int keep(struct names *names, const char *name)
{
	size_t size = strlen(name) + 1;
	if (names->used + size > names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 4096;
		while (capacity < names->used + size)
			capacity *= 2;
		char *larger = realloc(names->text, capacity);
		if (!larger)
			return -1;
		names->text = larger;
		names->capacity = capacity;
	}
	memcpy(names->text + names->used, name, size);
	names->used += size;
	names->count++;
	return 0;
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

int names_read(struct names *names, DIR *listing)
{
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(listing);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && keep(names, entry->d_name) < 0)
			return -1;
	}
	if (errno)
		return -1;
	if (!names->count)
		return 0;
	names->sorted = malloc(names->count * sizeof *names->sorted);
	if (!names->sorted)
		return -1;
	char *at = names->text;
	for (size_t index = 0; index < names->count; index++, at += strlen(at) + 1)
		names->sorted[index] = at;
	qsort(names->sorted, names->count, sizeof *names->sorted, compare);
	return 0;
}

void names_free(struct names *names)
{
	free(names->sorted);
	free(names->text);
	*names = (struct names){ 0 };
}
