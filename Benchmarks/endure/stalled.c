/*
 * stalled: terminals that read, or never do, and are alive all the same: each sends a pong now and then, until it has
 * not read for ALIVE seconds. Their requests name the tokens of the clients `--first` and on. Commands on standard input,
 * each answered by a line of JSON:
 *   report      how many are open, how many were closed by which code, when
 *   stop        nothing is read any more
 *   read        all is read again, until nothing has come for a second
 */
#define _GNU_SOURCE
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000000u

static const char help[] = "stalled --port P [--count N] [--first N] [--receive-buffer BYTES] [--segment BYTES]\n";

enum { OPENING_MOST = 100, PONG_EACH = 10, ALIVE = 20 };

static double port, count = 1000, first = 1, wanted_buffer = 4096, wanted_segment = 1460;
static const struct setting settings[] = {
	{ "--port", &port, 1, 65535 }, { "--count", &count, 1, 1e6 }, { "--first", &first, 1, 1e9 },
	{ "--receive-buffer", &wanted_buffer, 0, 1e9 }, { "--segment", &wanted_segment, 0, 65000 },
};

static struct terminal *terminals;
static uint32_t started, opening, open_now, refused, slow, other_code, without_code;
static uint64_t messages, bytes, last_message, begin;
static double first_end, last_end;

struct terminal *terminal_at(uint32_t index) { return &terminals[index]; }

void append_target(struct buffer *buffer, uint32_t index)
{
	char target[160];
	snprintf(target, sizeof target, "/ws?token=%0128llx", (unsigned long long)first + index);
	append_text(buffer, target);
}

void opened(uint32_t index)
{
	(void)index;
	opening--;
	open_now++;
}

void message(uint32_t index, const char *payload, size_t length, uint64_t at)
{
	(void)index, (void)payload;
	messages++;
	bytes += length;
	last_message = at;
}

void ended(uint32_t index, enum terminal_state before, int code, const char *why)
{
	if (before < OPEN) {
		opening--;
		refused++;
		note("client %u: %s", (unsigned)first + index, why);
		return;
	}
	open_now--;
	*(code == 4000 ? &slow : code ? &other_code : &without_code) += 1;
	last_end = (double)(now() - begin) / SECOND;
	if (first_end <= 0)
		first_end = last_end;
	note("client %u: %d, %s", (unsigned)first + index, code, why);
}

static void report(void)
{
	printf("{\"open\":%u,\"refused\":%u,\"closed_as_slow\":%u,\"closed_otherwise\":%u,\"ended_without_code\":%u,"
	       "\"messages\":%llu,\"bytes\":%llu,\"first_end\":%.2f,\"last_end\":%.2f,\"notes\":",
	       open_now, refused, slow, other_code, without_code, (unsigned long long)messages, (unsigned long long)bytes,
	       first_end, last_end);
	print_notes();
	puts("}");
	fflush(stdout);
}

static void catch_up_with_all(void)
{
	reads = true;
	last_message = now();
	while (now() - last_message < SECOND) {
		for (uint32_t index = 0; index < started; index++)
			catch_up(index);
		turn_terminals(10, 0);
	}
}

static void command(uint32_t events)
{
	char text[64];
	ssize_t length = read(0, text, sizeof text - 1);
	(void)events;
	if (length <= 0)
		exit(0);
	text[length] = 0;
	if (!strcmp(text, "stop\n")) {
		reads = false;
		begin = now();
	} else if (!strcmp(text, "read\n")) {
		catch_up_with_all();
	}
	report();
}

int main(int argc, char **argv)
{
	program = "stalled";
	read_settings(argc, argv, help, settings, sizeof settings / sizeof *settings, no_other_setting);
	prepare_terminals("stalled", (uint64_t)count + 64);
	gateway_port = (uint16_t)port;
	receive_buffer = (int)wanted_buffer;
	segment = (int)wanted_segment;
	terminals = calloc((size_t)count, sizeof *terminals);
	if (!terminals)
		give_up("out of memory");
	begin = now();
	while (!is_ending && (started < (uint32_t)count || opening)) {
		for (; started < (uint32_t)count && opening < OPENING_MOST; started++) {
			opening++;
			start_terminal(&terminals[started], started);
		}
		turn_terminals(10, 0);
	}
	watch_other(0);
	report();
	/* Signs of life, spread over PONG_EACH seconds. */
	for (uint32_t turns = 0; !is_ending; turns++) {
		uint64_t until = now() + SECOND / 10;
		bool is_alive = reads || now() - begin < ALIVE * (uint64_t)SECOND;
		for (uint32_t index = turns % (PONG_EACH * 10); index < started; index += PONG_EACH * 10)
			if (is_alive && terminals[index].state == OPEN)
				send_sign_of_life(&terminals[index]);
		for (uint64_t time; (time = now()) < until && !is_ending;)
			turn_terminals((int)((until - time) / 1000000u + 1), command);
	}
	return 0;
}
