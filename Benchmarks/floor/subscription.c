#include "subscription.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void give_up(const char *why)
{
	fprintf(stderr, "redis: %s\n", why);
	exit(1);
}

int subscribe(const char *host_and_port, const char *channel)
{
	const char *colon = strrchr(host_and_port, ':');
	char host[64], command[256];
	struct sockaddr_in address = { .sin_family = AF_INET };
	if (!colon)
		give_up("HOST:PORT is wanted");
	snprintf(host, sizeof host, "%.*s", (int)(colon - host_and_port), host_and_port);
	address.sin_port = htons((unsigned short)atoi(colon + 1));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!inet_aton(host, &address.sin_addr) || connect(fd, (struct sockaddr *)&address, sizeof address))
		give_up(strerror(errno));
	int length = snprintf(command, sizeof command, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(channel), channel);
	if (write(fd, command, (size_t)length) != length)
		give_up(strerror(errno));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}

/* RESP arrays of bulk strings: ["message", channel, body] */
size_t take_bodies(const char *bytes, size_t length, void (*message)(const char *, size_t))
{
	const char *s = bytes, *end = bytes + length;
	for (;;) {
		const char *q = s, *part[3] = { 0 }, *line;
		size_t size[3] = { 0 };
		if (q >= end || !(line = memchr(q, '\n', (size_t)(end - q))))
			break;
		if (*q != '*') { /* +OK, errors */
			if (*q == '-')
				fprintf(stderr, "redis: %.*s\n", (int)(line - q), q);
			s = line + 1;
			continue;
		}
		int count = atoi(q + 1), k;
		q = line + 1;
		for (k = 0; k < count; k++) {
			if (q >= end || !(line = memchr(q, '\n', (size_t)(end - q))))
				break;
			if (*q == ':') {
				q = line + 1;
				continue;
			}
			size_t bulk = strtoul(q + 1, 0, 10);
			if ((size_t)(end - (line + 1)) < bulk + 2)
				break;
			if (k < 3) {
				part[k] = line + 1;
				size[k] = bulk;
			}
			q = line + 1 + bulk + 2;
		}
		if (k < count)
			break;
		if (count == 3 && size[0] == 7 && !memcmp(part[0], "message", 7) && part[2])
			message(part[2], size[2]);
		s = q;
	}
	return (size_t)(s - bytes);
}
