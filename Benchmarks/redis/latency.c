#define _GNU_SOURCE
#include "latency.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Nothing arrived for so long, in nanoseconds: what is missing now does not come any more. */
#define SILENCE 3000000000u

struct options options = { .path = "/ws?client={i}", .first = 1, .handshakes = 64, .publishers = 1, .size = 128 };

static const char help[] =
"latency: point to point messages through Redis to the terminals of a node, and to a bare subscriber beside it\n"
"\n"
"usage: latency --redis P --node PORT:PID --count N [options]\n"
"\n"
"  --redis P         port of Redis on 127.0.0.1\n"
"  --node PORT:PID   the node's gateway at 127.0.0.1:PORT\n"
"  --count N         clients 1 to N, with one connection each\n"
"  --rate R          messages per second, evenly spaced, to one client after the other (2000)\n"
"  --size BYTES      of a payload (128)\n"
"  --bare-core C     where the bare subscriber runs; anywhere by default\n"
"  --settle S        seconds after connecting before anything is measured (3)\n"
"  --rounds R        each one to the node, then one to the bare subscriber (5)\n"
"  --warm-up S       seconds of publishing in each round that are not measured (3)\n"
"  --window S        seconds that are measured (20)\n"
"\n"
"One line of JSON per round on standard output, times in microseconds. Exits with 0; with 1 where a connection was\n"
"refused or lost, or a message was lost, repeated or out of order; with 2 where nothing could be measured.\n";

static double redis, count, rate = 2000, size = 128, bare_core = -1, settle = 3, rounds = 5, warm_up = 3, window = 20;
static uint16_t node_port;
static int node_pid;
static struct bare *bare;

static const struct setting settings[] = {
	{ "--redis", &redis, 1, 65535 },     { "--count", &count, 1, 1e6 },         { "--rate", &rate, 1, 1e6 },
	{ "--size", &size, 64, 65000 },      { "--bare-core", &bare_core, 0, 1023 }, { "--settle", &settle, 0, 3600 },
	{ "--rounds", &rounds, 1, 1000 },    { "--warm-up", &warm_up, 0, 3600 },    { "--window", &window, 0.1, 3600 },
};

static bool read_node(const char *name, const char *value)
{
	unsigned port;
	if (strcmp(name, "--node") || sscanf(value, "%u:%d", &port, &node_pid) != 2 || port > 65535)
		return false;
	node_port = (uint16_t)port;
	return true;
}

static uint16_t gateway(uint32_t client)
{
	(void)client;
	return node_port;
}

static void set_measuring(bool value) { is_measuring = bare->is_measuring = value; }

static uint64_t deliveries_of_node(void) { return subscribers.deliveries; }

static uint64_t deliveries_of_bare(void) { return bare->deliveries; }

/* What is still under way arrives, or is lost. */
static void drain(uint64_t expected, uint64_t (*deliveries)(void))
{
	uint64_t seen = deliveries(), until = now() + SILENCE;
	while (deliveries() < expected && now() < until) {
		turn(5);
		if (deliveries() != seen) {
			seen = deliveries();
			until = now() + SILENCE;
		}
	}
}

/* Prints a line; true where all that was sent has arrived. */
static bool measure(const char *target, int pid, struct stream *stream, struct histogram *arrivals,
		    uint64_t (*deliveries)(void))
{
	memset(arrivals, 0, sizeof *arrivals);
	memset(&stream->late, 0, sizeof stream->late);
	/* What earlier rounds lost is not waited for again. */
	uint64_t lost = stream->sent - deliveries(), unreceived = stream->unreceived;
	send_until(stream, now() + (uint64_t)(warm_up * 1e9));
	drain(stream->sent - lost, deliveries);

	double server = process_cpu(pid), own = own_cpu();
	uint64_t start = now();
	set_measuring(true);
	send_until(stream, start + (uint64_t)(window * 1e9));
	server = process_cpu(pid) - server;
	own = own_cpu() - own;
	double seconds = (double)(now() - start) / 1e9;
	drain(stream->sent - lost, deliveries);
	set_measuring(false);

	long long missing = (long long)(stream->sent - deliveries() - lost);
	unreceived = stream->unreceived - unreceived;
	printf("{\"target\":\"%s\",\"messages\":%llu,\"messages_per_s\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
	       "\"max_us\":%.1f,\"late_p99_us\":%.1f,\"late_max_us\":%.1f,\"target_busy\":%.4f,\"generator_busy\":%.4f,"
	       "\"missing\":%lld,\"unreceived\":%llu}\n",
	       target, (unsigned long long)arrivals->count, (double)arrivals->count / seconds,
	       (double)quantile(arrivals, 0.5) / 1e3, (double)quantile(arrivals, 0.9) / 1e3,
	       (double)quantile(arrivals, 0.99) / 1e3, (double)arrivals->max / 1e3, (double)quantile(&stream->late, 0.99) / 1e3,
	       (double)stream->late.max / 1e3, server / seconds, own / seconds, missing, (unsigned long long)unreceived);
	fflush(stdout);
	return !missing && !unreceived && arrivals->count;
}

int main(int argc, char **argv)
{
	static struct stream to_node, to_bare = { .channel = BARE_CHANNEL };
	char channel[64];
	bool is_good = true;
	program = "latency";
	read_settings(argc, argv, help, settings, sizeof settings / sizeof *settings, read_node);
	if (!redis || !count || !node_port)
		give_up("--redis, --node and --count are needed; see --help");
	options.count = (uint32_t)count;
	options.size = (uint32_t)size;
	node_channel(channel, node_port);
	to_node.channel = channel;

	bare = mmap(0, sizeof *bare, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bare == MAP_FAILED)
		give_up("mmap: %s", strerror(errno));
	int bare_pid = start_bare(bare, (uint16_t)redis, (int)bare_core);
	prepare_loop(options.count + 16ull);
	prepare_subscribers();
	connect_all(gateway);
	if (subscribers.open < options.count)
		give_up("only %u of %u connections are open", subscribers.open, options.count);
	open_stream((uint16_t)redis, rate);
	idle_until(now() + (uint64_t)(settle * 1e9));
	if (!bare->is_subscribed)
		give_up("the bare subscriber has not subscribed");

	for (uint32_t round = 0; round < (uint32_t)rounds; round++) {
		is_good = measure("node", node_pid, &to_node, &latency, deliveries_of_node) && is_good;
		is_good = measure("bare", bare_pid, &to_bare, &bare->latency, deliveries_of_bare) && is_good;
	}
	kill(bare_pid, SIGKILL);
	waitpid(bare_pid, 0, 0);
	close_subscribers();
	if (subscribers.closed || subscribers.gaps || subscribers.out_of_order || subscribers.foreign || bare->foreign) {
		fprintf(stderr, "latency: %u closed, %llu gaps, %llu out of order, %llu foreign (first: %s)\n", subscribers.closed,
			(unsigned long long)subscribers.gaps, (unsigned long long)subscribers.out_of_order,
			(unsigned long long)(subscribers.foreign + bare->foreign), noted());
		is_good = false;
	}
	return is_good ? 0 : 1;
}
