/*
 * slow: handshakes that never come to their end. Each connection sends one byte of a request per `--each` seconds, and is
 * made anew when the node ends it. `report` on standard input is answered by a line of JSON.
 */
#define _GNU_SOURCE
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND 1000000000u

static const char help[] = "slow --port P [--count N] [--each S]\n";

/* Steps of an interval; how many intervals it takes to open all of them, so that the node doesn't end them as one rush. */
enum { STEPS = 100, OPENING = 10 };

static const char request[] = "GET /ws?token=none HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
			      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nX-Padding: ";

static double port, count = 10000, each = 1;
static const struct setting settings[] = {
	{ "--port", &port, 1, 65535 }, { "--count", &count, 1, 1e6 }, { "--each", &each, 0.01, 3600 },
};

struct slow {
	struct terminal terminal;
	uint32_t sent;
	uint64_t begun;
};

static struct slow *all;
static uint32_t *waiting, waiting_head, waiting_count;
static uint64_t started, bytes, timed_out, otherwise, without_answer, never_open;
static struct histogram lives;

static uint32_t total(void) { return (uint32_t)count; }

struct terminal *terminal_at(uint32_t index) { return &all[index].terminal; }
void append_target(struct buffer *buffer, uint32_t index) { (void)buffer, (void)index; }
void opened(uint32_t index) { note("connection %u was let in", index); }

void message(uint32_t index, const char *payload, size_t length, uint64_t at)
{
	(void)index, (void)payload, (void)length, (void)at;
}

void ended(uint32_t index, enum terminal_state before, int code, const char *why)
{
	bool is_answer = !strncmp(why, "answered with", strlen("answered with"));
	(void)code;
	if (before == CONNECTING)
		never_open++;
	else if (is_answer && strstr(why, " 408 "))
		timed_out++;
	else if (is_answer)
		otherwise++;
	else
		without_answer++;
	if (before == CONNECTING || !is_answer || !strstr(why, " 408 "))
		note("%s", why);
	if (before != CONNECTING)
		record(&lives, now() - all[index].begun);
	waiting[(waiting_head + waiting_count++) % total()] = index;
}

static void report(void)
{
	uint32_t open_now = 0;
	for (uint32_t index = 0; index < total(); index++)
		open_now += all[index].terminal.state == HANDSHAKE;
	printf("{\"open\":%u,\"started\":%llu,\"bytes\":%llu,\"answered_408\":%llu,\"answered_otherwise\":%llu,"
	       "\"without_answer\":%llu,\"never_open\":%llu,\"life_p50_s\":%.2f,\"life_max_s\":%.2f,\"cpu\":%.2f,\"notes\":",
	       open_now, (unsigned long long)started, (unsigned long long)bytes, (unsigned long long)timed_out,
	       (unsigned long long)otherwise, (unsigned long long)without_answer, (unsigned long long)never_open,
	       (double)quantile(&lives, 0.5) / SECOND, (double)lives.max / SECOND, own_cpu());
	print_notes();
	puts("}");
	fflush(stdout);
}

static void command(uint32_t events)
{
	char text[64];
	(void)events;
	if (read(0, text, sizeof text) <= 0)
		exit(0);
	report();
}

static void send_byte(struct slow *slow)
{
	char byte = slow->sent < sizeof request - 1 ? request[slow->sent] : 'x';
	if (slow->terminal.state != HANDSHAKE)
		return;
	if (send(slow->terminal.fd, &byte, 1, MSG_NOSIGNAL) == 1) {
		slow->sent++;
		bytes++;
	}
}

/* The first ones by and by, those that the node has ended at once. */
static void start_some(void)
{
	uint32_t most = started < total() ? total() / (STEPS * OPENING) + 1 : total();
	for (uint32_t n = 0; waiting_count && n < most; n++) {
		uint32_t index = waiting[waiting_head];
		waiting_head = (waiting_head + 1) % total();
		waiting_count--;
		all[index].sent = 0;
		all[index].begun = now();
		started++;
		start_terminal(&all[index].terminal, index);
	}
}

int main(int argc, char **argv)
{
	program = "slow";
	read_settings(argc, argv, help, settings, sizeof settings / sizeof *settings, no_other_setting);
	prepare_terminals("slow", (uint64_t)count + 64);
	gateway_port = (uint16_t)port;
	sends_request = false;
	all = calloc(total(), sizeof *all);
	waiting = calloc(total(), sizeof *waiting);
	if (!all || !waiting)
		give_up("out of memory");
	while (waiting_count < total()) {
		waiting[waiting_count] = waiting_count;
		waiting_count++;
	}
	watch_other(0);
	uint64_t step = (uint64_t)(each * SECOND / STEPS), next = now();
	for (uint32_t turns = 0; !is_ending; turns++) {
		start_some();
		for (uint32_t index = turns % STEPS; index < total(); index += STEPS)
			send_byte(&all[index]);
		next += step;
		if (next < now())
			next = now();
		for (uint64_t time; (time = now()) < next && !is_ending;)
			turn_terminals((int)((next - time) / 1000000u + 1), command);
	}
	return 0;
}
