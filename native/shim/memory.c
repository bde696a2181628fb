#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool memory_had_oom_kill(const char *folder)
{
	static const char *const files[] = {"memory.events", "memory.oom_control"};
	bool found = false;
	for (int i = 0; i < 2 && folder != NULL && !found; i++) {
		char path[4096], text[512];
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ssize_t got = read(fd, text, sizeof text - 1);
		close(fd);
		text[got < 0 ? 0 : got] = 0;
		const char *line = strstr(text, "\noom_kill ");
		found = line != NULL && strtoul(line + 10, NULL, 10) > 0;
	}
	return found;
}
