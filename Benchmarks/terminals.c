#include "terminals.h"

#include <stdio.h>

/* Nothing arrived for so long, in nanoseconds: what is missing now does not come any more. */
#define SILENCE 3000000000u

static uint16_t gateway(uint32_t client)
{
	(void)client;
	return options.port;
}

/* Publishes until a point in time; false where the stream stalled. */
static bool publish_until(uint64_t until)
{
	uint64_t seen = subscribers.deliveries, seen_at = now();
	for (uint64_t time; (time = now()) < until;) {
		publish();
		turn(50);
		if (subscribers.deliveries != seen) {
			seen = subscribers.deliveries;
			seen_at = time;
		} else if (time - seen_at > SILENCE) {
			note("nothing was delivered for %g s", (double)SILENCE / 1e9);
			return false;
		}
	}
	return true;
}

/* What is still under way arrives, or is lost. */
static void drain(uint64_t expected)
{
	uint64_t seen = subscribers.deliveries, until = now() + SILENCE;
	while (subscribers.deliveries < expected && now() < until) {
		turn(50);
		if (subscribers.deliveries != seen) {
			seen = subscribers.deliveries;
			until = now() + SILENCE;
		}
	}
}

/* Prints the stream's part of the report; true where every message arrived once and in order. */
static bool stream(void)
{
	uint32_t fan_out = subscribers.open;
	open_publishers();
	bool is_flowing = publish_until(now() + (uint64_t)(options.warm_up * 1e9));

	uint64_t start = now(), deliveries = subscribers.deliveries, messages = publishing.complete;
	double server = process_cpu(options.pid), own = own_cpu();
	is_measuring = true;
	is_flowing = is_flowing && publish_until(start + (uint64_t)(options.window * 1e9));
	is_measuring = false;
	server = process_cpu(options.pid) - server;
	own = own_cpu() - own;
	deliveries = subscribers.deliveries - deliveries;
	messages = publishing.complete - messages;
	double seconds = (double)(now() - start) / 1e9;

	uint64_t expected = (publishing.sent - publishing.refused) * fan_out;
	drain(expected);
	long long missing = (long long)(expected - subscribers.deliveries);
	printf(",\"in_flight\":%u,\"publishers\":%u,\"size\":%u,\"seconds\":%.3f,\"messages\":%llu,\"messages_per_s\":%.1f,"
	       "\"deliveries\":%llu,\"deliveries_per_s\":%.0f,\"us_per_delivery\":%.4f,"
	       "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"server_busy\":%.3f,\"generator_busy\":%.3f,"
	       "\"published\":%llu,\"publish_refused\":%llu,\"missing\":%lld,\"gaps\":%llu,\"out_of_order\":%llu,\"foreign\":%llu",
	       options.in_flight, options.publishers, options.size, seconds, (unsigned long long)messages,
	       (double)messages / seconds, (unsigned long long)deliveries, (double)deliveries / seconds,
	       deliveries ? server * 1e6 / (double)deliveries : 0, (double)quantile(&latency, 0.5) / 1e3,
	       (double)quantile(&latency, 0.99) / 1e3, (double)latency.max / 1e3, server / seconds, own / seconds,
	       (unsigned long long)publishing.sent, (unsigned long long)publishing.refused, missing,
	       (unsigned long long)subscribers.gaps, (unsigned long long)subscribers.out_of_order,
	       (unsigned long long)subscribers.foreign);
	return is_flowing && deliveries && !missing && !publishing.refused && !subscribers.gaps &&
	       !subscribers.out_of_order && !subscribers.foreign;
}

int main(int argc, char **argv)
{
	bool is_good = true;
	program = "terminals";
	read_options(argc, argv);
	prepare_loop(options.count + options.publishers + 16ull);
	prepare_subscribers();
	if (options.join_path)
		join_all();

	uint64_t memory = resident_kb(options.pid), start = now();
	double cpu = process_cpu(options.pid);
	connect_all(gateway);
	double seconds = (double)(now() - start) / 1e9;
	idle_until(now() + (uint64_t)(options.settle * 1e9));
	cpu = process_cpu(options.pid) - cpu;
	uint64_t settled = resident_kb(options.pid);
	uint32_t open = subscribers.open;
	double held = process_cpu(options.pid);
	idle_until(now() + (uint64_t)(options.hold * 1e9));
	held = process_cpu(options.pid) - held;

	printf("{\"count\":%u,\"connected\":%u,\"refused\":%u,\"connect_seconds\":%.3f,\"us_per_connect\":%.2f,"
	       "\"empty_kb\":%llu,\"settled_kb\":%llu,\"kb_per_connection\":%.3f,\"hold_cpu_ms_per_s\":%.2f",
	       options.count, open, subscribers.refused, seconds, open ? cpu * 1e6 / open : 0,
	       (unsigned long long)memory, (unsigned long long)settled,
	       open ? ((double)settled - (double)memory) / open : 0, options.hold > 0 ? held * 1e3 / options.hold : 0);
	if (options.api_port && open)
		is_good = stream();
	printf(",\"closed\":%u,\"note\":\"%s\"}\n", subscribers.closed, noted());
	close_subscribers();
	return is_good && open == options.count && !subscribers.closed ? 0 : 1;
}
