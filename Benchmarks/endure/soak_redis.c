#define _GNU_SOURCE
#include "soak.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What FreeIM puts before the names of a gateway at /ws. */
#define PREFIX "im_v2_ws"
/* FreeIM's own, byte for byte. */
#define JOIN                                                                                                           \
	"if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0) "                       \
	"redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1"

/* Bytes of a message for a terminal; seconds that a token is kept. */
enum { PAYLOAD = 128, LIFETIME = 60 };
enum ask { PUBLICATION, SET_TOKEN, JOINED };

/* What Redis has been asked for and has not answered yet, in order; a ring that grows. */
struct request {
	enum ask ask;
	uint32_t index;
	uint64_t client;
};

static struct request *asked;
static size_t asked_head, asked_count, asked_capacity;
static struct buffer out, in;
static char node[64];
static int redis_fd;

void prepare_redis(uint16_t redis, uint16_t gateway)
{
	redis_fd = connect_to_redis(redis);
	watch_other(redis_fd);
	snprintf(node, sizeof node, PREFIX "Server127.0.0.1:%u", gateway);
}

static void ask_for(enum ask ask, uint32_t index, uint64_t client)
{
	if (asked_count == asked_capacity) {
		size_t capacity = asked_capacity ? asked_capacity * 2 : 4096;
		struct request *grown = calloc(capacity, sizeof *grown);
		if (!grown)
			give_up("out of memory");
		for (size_t k = 0; k < asked_count; k++)
			grown[k] = asked[(asked_head + k) % asked_capacity];
		free(asked);
		asked = grown;
		asked_head = 0;
		asked_capacity = capacity;
	}
	asked[(asked_head + asked_count++) % asked_capacity] = (struct request){ ask, index, client };
}

void append_token(struct buffer *buffer, uint64_t client)
{
	char token[129];
	snprintf(token, sizeof token, "%0128llx", (unsigned long long)client);
	append(buffer, token, 128);
}

/* An argument that consists of a name and a number. */
static void append_named(const char *name, uint64_t number)
{
	char text[64];
	snprintf(text, sizeof text, "%s%llu", name, (unsigned long long)number);
	append_text_argument(&out, text);
}

void store_token(uint32_t index)
{
	static struct buffer key;
	char value[64];
	uint64_t client = places[index].client;
	key.length = 0;
	append_text(&key, PREFIX "Token");
	append_token(&key, client);
	snprintf(value, sizeof value, "{\"Item1\":%llu,\"Item2\":\"\"}", (unsigned long long)client);
	append_command(&out, 5);
	append_text_argument(&out, "SET");
	append_argument(&out, key.bytes, key.length);
	append_text_argument(&out, value);
	append_text_argument(&out, "EX");
	append_named("", LIFETIME);
	ask_for(SET_TOKEN, index, client);
}

void join(uint32_t index)
{
	uint64_t client = places[index].client;
	for (int which = 0; which < 2; which++) {
		uint32_t channel = channel_of(index, which);
		append_command(&out, 8);
		append_text_argument(&out, "EVAL");
		append_text_argument(&out, JOIN);
		append_text_argument(&out, "3");
		append_named(PREFIX "Chanc", channel);
		append_named(PREFIX "Client", client);
		append_text_argument(&out, PREFIX "ListChan");
		append_named("", client);
		append_named("c", channel);
		ask_for(JOINED, index, client);
	}
}

static void publish(const struct buffer *body)
{
	append_publish(&out, node, body);
	ask_for(PUBLICATION, 0, 0);
}

/* d;0000000017;0000000000000000042;0000000000000000001;xxx: kind, target, serial number, send time */
enum { TARGET_AT = 2, TARGET_DIGITS = 10, SERIAL_AT = 13, TIME_AT = 33, DIGITS = 19, LABEL = 53 };

static void append_payload(struct buffer *body, char kind, uint64_t target, uint64_t serial)
{
	char payload[PAYLOAD + 1];
	int length = snprintf(payload, sizeof payload, "%c;%010llu;%019llu;%019llu;", kind, (unsigned long long)target,
			      (unsigned long long)serial, (unsigned long long)now());
	memset(payload + length, 'x', (size_t)(PAYLOAD - length));
	append(body, payload, PAYLOAD);
}

static bool read_digits(const char *from, int count, uint64_t *value)
{
	*value = 0;
	for (int k = 0; k < count; k++) {
		if (from[k] < '0' || from[k] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(from[k] - '0');
	}
	return true;
}

bool read_label(const char *payload, size_t length, struct label *label)
{
	label->kind = payload[0];
	return length == PAYLOAD && (label->kind == 'd' || label->kind == 'c') &&
	       read_digits(payload + TARGET_AT, TARGET_DIGITS, &label->target) &&
	       read_digits(payload + SERIAL_AT, DIGITS, &label->serial) && read_digits(payload + TIME_AT, DIGITS, &label->sent_at);
}

void publish_direct(uint64_t client, uint64_t serial)
{
	static struct buffer body;
	body.length = 0;
	append_text(&body, "{\"Item1\":0,\"Item2\":[");
	append_number(&body, client);
	append_text(&body, "],\"Item3\":\"");
	append_payload(&body, 'd', client, serial);
	append_text(&body, "\",\"Item4\":false}");
	publish(&body);
}

void publish_to_channel(uint32_t channel, uint64_t serial)
{
	static struct buffer body;
	body.length = 0;
	append_text(&body, "__FreeIM__(ChanMessage){\"Item1\":0,\"Item2\":\"c");
	append_number(&body, channel);
	append_text(&body, "\",\"Item3\":\"");
	append_payload(&body, 'c', channel, serial);
	append_text(&body, "\"}");
	publish(&body);
}

void flush_to_redis(void)
{
	/* Blocking: Redis keeps what it answers, so it goes on reading. */
	for (size_t sent = 0; sent < out.length;) {
		ssize_t length = send(redis_fd, out.bytes + sent, out.length - sent, MSG_NOSIGNAL);
		if (length < 0 && errno != EINTR)
			give_up("sending to Redis: %s", strerror(errno));
		sent += length > 0 ? (size_t)length : 0;
	}
	out.length = 0;
}

static void answered(const char *line)
{
	struct request request = asked[asked_head];
	asked_head = (asked_head + 1) % asked_capacity;
	asked_count--;
	if (*line == '-')
		give_up("Redis answered %.100s", line);
	if (request.ask == SET_TOKEN)
		token_stored(request.index);
	else if (request.ask == JOINED)
		joined(request.index, request.client);
}

/* Each answer is a line here. */
void answers_from_redis(uint32_t events)
{
	(void)events;
	if (!read_from_redis(redis_fd, &in))
		return;
	size_t taken = 0;
	for (char *end; (end = memchr(in.bytes + taken, '\n', in.length - taken)); taken = (size_t)(end - in.bytes) + 1)
		answered(in.bytes + taken);
	consume(&in, taken);
}

static unsigned long long us(double q) { return (unsigned long long)quantile(&latency_of_interval, q) / 1000; }

void print_sample(const char *phase, double seconds)
{
	const struct counts *c = &counts;
	printf("{\"phase\":\"%s\",\"seconds\":%.1f,\"settled\":%u,\"opening\":%u", phase, seconds, c->settled, c->opening);
#define PRINT(name, value) printf(",\"" name "\":%llu", (unsigned long long)(value))
	PRINT("opened", c->opened);
	PRINT("left_by_close_frame", c->left[CLOSE_FRAME]);
	PRINT("left_by_fin", c->left[FIN]);
	PRINT("left_by_reset", c->left[RESET]);
	PRINT("failed", c->failed);
	PRINT("lost", c->lost);
	PRINT("unanswered_closes", c->unanswered);
	PRINT("direct", c->direct);
	PRINT("channel", c->channel);
	PRINT("expected", c->expected);
	PRINT("received", c->received);
	PRINT("between", c->between);
	PRINT("repeated", c->repeated);
	PRINT("foreign", c->foreign);
	PRINT("p50_us", us(0.5));
	PRINT("p99_us", us(0.99));
	PRINT("max_us", latency_of_interval.max / 1000);
#undef PRINT
	printf(",\"generator_cpu\":%.2f,\"notes\":", own_cpu());
	print_notes();
	puts("}");
	fflush(stdout);
}
