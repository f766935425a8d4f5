#define _GNU_SOURCE
#include "terminals.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/* All connections must be open within so many nanoseconds. */
#define CONNECT_TIME 300000000000u

char read_buffer[256 * 1024];
const char *program = "";

static int queue;
static char first_note[200];
static volatile sig_atomic_t is_ending;

void watch(int fd, enum tag tag, uint32_t index)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	event.data.u64 = (uint64_t)tag << 32 | index;
	if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event))
		give_up("epoll_ctl: %s", strerror(errno));
}

void note(const char *format, ...)
{
	va_list arguments;
	if (first_note[0])
		return;
	va_start(arguments, format);
	vsnprintf(first_note, sizeof first_note, format, arguments);
	va_end(arguments);
	for (char *c = first_note; *c; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c < 32)
			*c = '\'';
}

const char *noted(void) { return first_note; }

void give_up(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s: ", program);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (first_note[0])
		fprintf(stderr, " (first: %s)", first_note);
	fputc('\n', stderr);
	exit(2);
}

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

void prepare_loop(uint64_t files)
{
	struct rlimit limit;
	struct sigaction action = { .sa_handler = end };
	sigaction(SIGINT, &action, 0);
	sigaction(SIGTERM, &action, 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (files > limit.rlim_max)
		give_up("%llu open files are more than %llu", (unsigned long long)files, (unsigned long long)limit.rlim_max);
	queue = epoll_create1(EPOLL_CLOEXEC);
}

void turn(int milliseconds)
{
	static struct epoll_event events[512];
	int count = epoll_wait(queue, events, 512, milliseconds);
	for (int k = 0; k < count; k++) {
		uint32_t index = (uint32_t)events[k].data.u64;
		if (events[k].data.u64 >> 32 == TAG_SUBSCRIBER)
			subscriber_event(index, events[k].events);
		else
			publisher_event(index, events[k].events);
	}
	if (is_ending)
		give_up("ended");
}

void idle_until(uint64_t until)
{
	for (uint64_t time; (time = now()) < until;)
		turn((int)((until - time) / 1000000u < 100 ? (until - time) / 1000000u + 1 : 100));
}

void connect_all(uint16_t (*gateway)(uint32_t client))
{
	uint64_t until = now() + CONNECT_TIME;
	while (subscribers.started < options.count || subscribers.connecting) {
		while (subscribers.started < options.count && subscribers.connecting < options.handshakes) {
			options.port = gateway(options.first + subscribers.started);
			start_subscriber();
		}
		turn(20);
		if (now() > until)
			give_up("only %u of %u connections are open", subscribers.open, options.count);
	}
}
