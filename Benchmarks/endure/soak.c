/*
 * soak: terminals in two channels each that come and go, and messages to them, as long as one likes.
 *
 * Each place holds a terminal with a client id that nobody has had before and a new token, and with the place's two
 * channels, which it joins by FreeIM's own script. A terminal is settled from when Redis has answered both joins until it
 * is chosen to leave; it leaves QUIET later, in one of the ways of `enum farewell`. Each message has a serial number:
 * whoever was settled when it was published must get it, and once; who was not yet or no longer may get it.
 */
#include "soak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000u
#define TICK (SECOND / 200)
#define QUIET (10 * (uint64_t)SECOND)
/* For a handshake; for the node's answer to a close frame. */
#define PATIENCE (30 * (uint64_t)SECOND)

static const char help[] =
	"soak --port P --redis P [--count N] [--channels N] [--churn N/s] [--rate N/s] [--direct PART] [--seconds S]\n"
	"     [--sample S]: a line of JSON for each sample, phases filling, running, emptying, empty.\n";

static double port, redis, count = 10000, channel_count = 1000, churn = 100, rate = 1000, direct = 0.8, seconds = 7200,
	      sample_s = 30;
static const struct setting settings[] = {
	{ "--port", &port, 1, 65535 }, { "--redis", &redis, 1, 65535 }, { "--count", &count, 100, 1e6 },
	{ "--channels", &channel_count, 2, 1e6 }, { "--churn", &churn, 0, 1e5 }, { "--rate", &rate, 0, 1e6 },
	{ "--direct", &direct, 0, 1 }, { "--seconds", &seconds, 1, 1e6 }, { "--sample", &sample_s, 1, 1e6 },
};

struct place *places;
struct counts counts;
struct histogram latency_of_interval;

static uint32_t *settled_in; /* members of each channel that are settled */
static uint64_t *sent_to;    /* messages to each channel */
static uint32_t *waiting;    /* places whose terminal is to connect; a ring */
static uint32_t waiting_head, waiting_count;
static uint32_t *leaving; /* places whose terminal leaves, in the order of their time; a ring */
static uint32_t leaving_head, leaving_count;
static uint64_t client, serial = 1;
static const char *phase = "filling";

static uint32_t total(void) { return (uint32_t)count; }

uint32_t channel_of(uint32_t index, int which)
{
	uint32_t channels = (uint32_t)channel_count, first = index % channels;
	return which ? (first + 1 + index / channels % (channels - 1)) % channels : first;
}

static void connect_later(uint32_t index)
{
	waiting[(waiting_head + waiting_count++) % total()] = index;
}

static uint32_t at_random(uint32_t below)
{
	static uint64_t state = 88172645463325252u; /* xorshift64 */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

/* ---- a terminal's life --------------------------------------------------- */

struct terminal *terminal_at(uint32_t index) { return &places[index].terminal; }

void append_target(struct buffer *buffer, uint32_t index)
{
	append_text(buffer, "/ws?token=");
	append_token(buffer, places[index].client);
}

static void begin_life(uint32_t index)
{
	struct place *place = &places[index];
	place->client = ++client;
	place->stage = TOKEN;
	place->seen[0] = place->seen[1] = place->seen[2] = 0;
	counts.opening++;
	store_token(index);
}

void token_stored(uint32_t index)
{
	places[index].stage = HANDSHAKING;
	start_terminal(&places[index].terminal, index);
}

void opened(uint32_t index)
{
	places[index].stage = JOINING;
	places[index].answers = 0;
	counts.opened++;
	join(index);
}

void joined(uint32_t index, uint64_t joining)
{
	struct place *place = &places[index];
	if (place->stage != JOINING || place->client != joining || ++place->answers < 2)
		return;
	place->stage = SETTLED;
	place->from = serial;
	place->until = UINT64_MAX;
	counts.opening--;
	counts.settled++;
	memset(place->got, 0, sizeof place->got);
	place->due[2] = 0;
	for (int which = 0; which < 2; which++) {
		settled_in[channel_of(index, which)]++;
		place->due[which] = sent_to[channel_of(index, which)];
	}
}

static void unsettle(struct place *place, uint32_t index)
{
	place->until = serial;
	counts.settled--;
	for (int which = 0; which < 2; which++) {
		settled_in[channel_of(index, which)]--;
		place->due[which] = sent_to[channel_of(index, which)] - place->due[which];
	}
}

static void choose_to_leave(uint32_t index)
{
	struct place *place = &places[index];
	unsettle(place, index);
	place->stage = QUIETING;
	place->leaves_at = now() + QUIET;
	leaving[(leaving_head + leaving_count++) % total()] = index;
}

static void say_farewell(uint32_t index)
{
	struct place *place = &places[index];
	if (place->stage != QUIETING)
		return; /* lost meanwhile */
	for (int which = 0; which < 3; which++)
		if (place->got[which] != place->due[which])
			note("client %llu, serial %llu to %llu: %llu of %llu from %s %u", (unsigned long long)place->client,
			     (unsigned long long)place->from, (unsigned long long)place->until,
			     (unsigned long long)place->got[which], (unsigned long long)place->due[which],
			     which < 2 ? "channel" : "messages to itself", which < 2 ? channel_of(index, which) : 0);
	static const enum farewell turns[] = { CLOSE_FRAME, FIN, CLOSE_FRAME, RESET };
	place->farewell = turns[counts.farewells++ % 4];
	counts.left[place->farewell]++;
	place->stage = LEFT;
	leave(&place->terminal, index, place->farewell);
}

void ended(uint32_t index, enum terminal_state before, int code, const char *why)
{
	struct place *place = &places[index];
	if (place->stage == LEFT) {
		if (place->farewell == CLOSE_FRAME && code != 1000) {
			counts.unanswered++;
			note("a close frame was answered with %d, %s", code, why);
		}
	} else if (before < OPEN) {
		counts.failed++;
		counts.opening--;
		note("client %llu: %s", (unsigned long long)place->client, why);
	} else {
		counts.lost++;
		note("client %llu was lost: %d, %s", (unsigned long long)place->client, code, why);
		if (place->stage == SETTLED)
			unsettle(place, index);
		else if (place->stage == JOINING)
			counts.opening--;
	}
	/* A place that waits in `leaving` connects when it has come through there. */
	if (place->stage != QUIETING)
		connect_later(index);
	place->stage = GONE;
}

/* ---- messages ------------------------------------------------------------ */

static void publish(void)
{
	uint32_t index = at_random(total());
	bool is_direct = at_random(1000) < (uint32_t)(direct * 1000);
	if (is_direct) {
		while (places[index].stage != SETTLED)
			index = (index + 1) % total();
		counts.direct++;
		counts.expected++;
		places[index].due[2]++;
		publish_direct(places[index].client, serial++);
	} else {
		uint32_t channel = index % (uint32_t)channel_count;
		counts.channel++;
		counts.expected += settled_in[channel];
		sent_to[channel]++;
		publish_to_channel(channel, serial++);
	}
}

void message(uint32_t index, const char *payload, size_t length, uint64_t at)
{
	struct place *place = &places[index];
	struct label label;
	int which;
	if (!read_label(payload, length, &label))
		which = -1;
	else if (label.kind == 'd')
		which = label.target == place->client ? 2 : -1;
	else
		which = label.target == channel_of(index, 0) ? 0 : label.target == channel_of(index, 1) ? 1 : -1;
	if (which < 0) {
		counts.foreign++;
		note("client %llu got %.*s", (unsigned long long)place->client, (int)(length < 60 ? length : 60), payload);
		return;
	}
	if (label.serial <= place->seen[which]) {
		counts.repeated++;
		note("message %llu came after %llu", (unsigned long long)label.serial, (unsigned long long)place->seen[which]);
		return;
	}
	place->seen[which] = label.serial;
	bool was_settled = place->stage >= SETTLED && label.serial >= place->from && label.serial < place->until;
	if (was_settled) {
		counts.received++;
		place->got[which]++;
	} else {
		counts.between++;
	}
	record(&latency_of_interval, at > label.sent_at ? at - label.sent_at : 0);
}

/* ---- time ---------------------------------------------------------------- */

/* How many of `per_second` are due since the last call; after a standstill the rest is left out. */
static uint32_t due(double *owed, double per_second, uint64_t elapsed)
{
	*owed += per_second * (double)elapsed / SECOND;
	if (*owed > per_second)
		*owed = per_second;
	uint32_t whole = (uint32_t)*owed;
	*owed -= whole;
	return whole;
}

static void connect_some(void)
{
	while (waiting_count && counts.opening < OPENING_MOST) {
		uint32_t index = waiting[waiting_head];
		waiting_head = (waiting_head + 1) % total();
		waiting_count--;
		begin_life(index);
	}
}

static void let_go(void)
{
	uint64_t time = now();
	while (leaving_count && places[leaving[leaving_head]].leaves_at <= time) {
		uint32_t index = leaving[leaving_head];
		leaving_head = (leaving_head + 1) % total();
		leaving_count--;
		if (places[index].stage == QUIETING)
			say_farewell(index);
		else
			connect_later(index);
	}
}

/* Ends what waits too long for the node. */
static void look_for_stuck(void)
{
	uint64_t time = now();
	for (uint32_t index = 0; index < total(); index++) {
		struct terminal *terminal = &places[index].terminal;
		enum terminal_state state = terminal->state;
		if (state == ABSENT || state == OPEN || time - terminal->since < PATIENCE)
			continue;
		cut_terminal(terminal, RESET);
		ended(index, state, 0, "no answer");
	}
}

static void one_turn(double churn_now, double rate_now)
{
	static double churn_owed, rate_owed;
	static uint64_t last, next, checked;
	uint64_t time = now();
	if (!last)
		last = next = checked = time;
	turn_terminals(next > time ? (int)((next - time) / 1000000u + 1) : 0, answers_from_redis);
	if ((time = now()) < next)
		return;
	next = time + TICK;
	for (uint32_t n = due(&churn_owed, churn_now, time - last); n && counts.settled; n--) {
		uint32_t index = at_random(total());
		while (places[index].stage != SETTLED)
			index = (index + 1) % total();
		choose_to_leave(index);
	}
	for (uint32_t n = due(&rate_owed, rate_now, time - last); n && counts.settled; n--)
		publish();
	last = time;
	let_go();
	if (strcmp(phase, "emptying"))
		connect_some();
	if (time - checked > SECOND) {
		look_for_stuck();
		checked = time;
	}
	flush_to_redis();
}

static void sample(uint64_t begin)
{
	print_sample(phase, (double)(now() - begin) / SECOND);
	memset(&latency_of_interval, 0, sizeof latency_of_interval);
}

static void run(void)
{
	uint64_t begin = now(), next = begin;
	while (counts.settled < total() && !is_ending)
		one_turn(0, 0);
	begin = now();
	next = begin + (uint64_t)(sample_s * SECOND);
	phase = "running";
	sample(begin);
	while (!is_ending && (double)(now() - begin) < seconds * SECOND) {
		one_turn(churn, rate);
		if (now() >= next) {
			next += (uint64_t)(sample_s * SECOND);
			sample(begin);
		}
	}
	uint64_t wait = now() + 30 * (uint64_t)SECOND;
	while ((counts.settled < total() || counts.received < counts.expected) && now() < wait)
		one_turn(0, 0);
	phase = "full";
	sample(begin);
	phase = "emptying";
	wait = now() + 120 * (uint64_t)SECOND;
	while ((counts.settled || leaving_count || counts.opening || waiting_count < total()) && now() < wait)
		one_turn(1000, 0);
	phase = "empty";
	sample(begin);
}

int main(int argc, char **argv)
{
	program = "soak";
	read_settings(argc, argv, help, settings, sizeof settings / sizeof *settings, no_other_setting);
	prepare_terminals("soak", (uint64_t)count + OPENING_MOST + 64);
	gateway_port = (uint16_t)port;
	places = calloc(total(), sizeof *places);
	settled_in = calloc((size_t)channel_count, sizeof *settled_in);
	sent_to = calloc((size_t)channel_count, sizeof *sent_to);
	waiting = calloc(total(), sizeof *waiting);
	leaving = calloc(total(), sizeof *leaving);
	if (!places || !settled_in || !sent_to || !waiting || !leaving)
		give_up("out of memory");
	prepare_redis((uint16_t)redis, gateway_port);
	for (uint32_t index = 0; index < total(); index++)
		connect_later(index);
	run();
	return counts.failed || counts.lost || counts.repeated || counts.foreign || counts.received != counts.expected;
}
