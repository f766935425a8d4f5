#define _GNU_SOURCE
#include "latency.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The stamp stands where the envelope's text begins. */
static void take_body(struct bare *bare, const char *body, size_t length, uint64_t at)
{
	static const char before[] = "\"Item3\":\"";
	struct stamp stamp;
	const char *text = memmem(body, length, before, sizeof before - 1);
	size_t skipped = text ? (size_t)(text - body) + sizeof before - 1 : 0;
	if (!text || !read_stamp(body + skipped, length - skipped, &stamp)) {
		bare->foreign++;
		return;
	}
	if (bare->is_measuring)
		record(&bare->latency, at - stamp.sent_at);
	bare->deliveries++;
}

static void listen_for_ever(struct bare *bare, int fd)
{
	struct buffer rest = { 0 };
	for (struct push push;;) {
		size_t taken = 0, length;
		if (!read_from_redis(fd, &rest))
			continue;
		uint64_t at = now();
		while ((length = read_push(rest.bytes + taken, rest.length - taken, &push))) {
			if (push.body)
				take_body(bare, push.body, push.body_length, at);
			else
				bare->is_subscribed = true;
			taken += length;
		}
		consume(&rest, taken);
	}
}

int start_bare(struct bare *bare, uint16_t redis_port, int core)
{
	int pid = fork();
	if (pid < 0)
		give_up("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (core >= 0) {
		cpu_set_t cores;
		CPU_ZERO(&cores);
		CPU_SET((size_t)core, &cores);
		if (sched_setaffinity(0, sizeof cores, &cores))
			give_up("core %d: %s", core, strerror(errno));
	}
	struct buffer request = { 0 };
	int fd = connect_to_redis(redis_port);
	append_command(&request, 2);
	append_text_argument(&request, "SUBSCRIBE");
	append_text_argument(&request, BARE_CHANNEL);
	send_to_redis(fd, &request);
	listen_for_ever(bare, fd);
	exit(0);
}
