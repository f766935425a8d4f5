#define _GNU_SOURCE
#include "cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Nothing arrived for so long, in nanoseconds: what is missing now does not come any more. */
#define SILENCE 10000000000u
/* Room for what a process holds besides its terminals. */
enum { OTHER_FILES = 64 };

struct options options = { .path = "/ws?client={i}", .first = 1, .handshakes = 64, .publishers = 1, .size = 128 };

static const char help[] =
"cluster: terminals of several nodes in several processes, and broadcasts through Redis to all of them\n"
"\n"
"usage: cluster --redis P --node PORT:PID --node PORT:PID ... --count N [options]\n"
"\n"
"  --redis P         port of Redis on 127.0.0.1\n"
"  --node PORT:PID   a node's gateway at 127.0.0.1:PORT, in the order of the nodes' 'servers'\n"
"  --count N         clients 1 to N, each with one connection to its home node\n"
"  --workers W       processes that hold them (3, or more where a process may not open so many files)\n"
"  --handshakes H    handshakes under way at a time, in each of these processes (64)\n"
"  --settle S        seconds after connecting before anything is measured (3)\n"
"  --broadcasts B    one after the other (3)\n"
"  --size BYTES      of a payload (128)\n"
"\n"
"One line of JSON on standard output, times in milliseconds. Exits with 0; with 1 where a connection was refused or\n"
"lost, or a terminal did not get a broadcast exactly once; with 2 where nothing could be measured.\n";

static struct board *board;
static double redis, count, workers = 3, handshakes = 64, settle = 3, broadcasts = 3, size = 128;

static const struct setting settings[] = {
	{ "--redis", &redis, 1, 65535 },          { "--count", &count, 1, 1e6 },      { "--workers", &workers, 1, MAX_WORKERS },
	{ "--handshakes", &handshakes, 1, 4096 }, { "--settle", &settle, 0, 3600 },   { "--broadcasts", &broadcasts, 1, 1000 },
	{ "--size", &size, 64, 65000 },
};

static bool read_node(const char *name, const char *value)
{
	unsigned port;
	int pid;
	if (strcmp(name, "--node") || sscanf(value, "%u:%d", &port, &pid) != 2 || port > 65535 ||
	    board->node_count == MAX_NODES)
		return false;
	board->nodes[board->node_count++] = (struct node){ (uint16_t)port, pid };
	return true;
}

/* Ends the program where a worker has ended before its time. */
static void pause_a_little(void)
{
	static const struct timespec millisecond = { .tv_nsec = 1000000 };
	if (waitpid(-1, 0, WNOHANG) > 0)
		give_up("a process that holds terminals has ended");
	nanosleep(&millisecond, 0);
}

static void pause_until(uint64_t until)
{
	while (now() < until)
		pause_a_little();
}

static void start_workers(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	uint32_t total = (uint32_t)count, most = (uint32_t)(files.rlim_max < 1000000 ? files.rlim_max : 1000000) - OTHER_FILES;
	uint32_t least = (total + most - 1) / most;
	board->worker_count = (uint32_t)workers > least ? (uint32_t)workers : least;
	if (board->worker_count > total)
		board->worker_count = total;
	if (board->worker_count > MAX_WORKERS)
		give_up("%u connections are too many for %d processes", total, MAX_WORKERS);
	for (uint32_t k = 0; k < board->worker_count; k++) {
		options.count = total / board->worker_count + (k < total % board->worker_count);
		pid_t pid = fork();
		if (pid < 0)
			give_up("fork: %s", strerror(errno));
		if (!pid)
			work(board, &board->shares[k]);
		options.first += options.count;
	}
	options.count = total;
}

struct totals {
	uint64_t open, refused, closed, delivered, repeated, foreign;
};

static struct totals add_up(void)
{
	struct totals totals = { 0 };
	for (uint32_t k = 0; k < board->worker_count; k++) {
		struct share *share = &board->shares[k];
		totals.open += share->open;
		totals.refused += share->refused;
		totals.closed += share->closed;
		totals.delivered += share->delivered;
		totals.repeated += share->repeated;
		totals.foreign += share->foreign;
	}
	return totals;
}

static void wait_for_connections(void)
{
	for (struct totals totals = add_up(); totals.open + totals.refused + totals.closed < options.count; totals = add_up())
		pause_a_little();
}

static void wait_for_workers(uint32_t broadcast)
{
	for (uint32_t k = 0; k < board->worker_count; k++)
		while (board->shares[k].broadcast != broadcast)
			pause_a_little();
}

/* Writes one PUBLISH per node in one piece, and returns how many subscribers Redis had for them. */
static int64_t publish_to_all(int fd, uint32_t broadcast)
{
	static struct buffer request, body, answer;
	char channel[64], *payload = malloc(options.size);
	int64_t receivers = 0, value;
	if (!payload)
		give_up("out of memory");
	write_payload(payload, options.size, (struct stamp){ 0, broadcast, now() });
	request.length = body.length = 0;
	append_broadcast(&body, payload, options.size);
	for (uint32_t k = 0; k < board->node_count; k++) {
		node_channel(channel, board->nodes[k].port);
		append_publish(&request, channel, &body);
	}
	send_to_redis(fd, &request);
	for (uint32_t k = 0; k < board->node_count; k++, receivers += value)
		while (!take_integer(&answer, &value))
			read_from_redis(fd, &answer);
	free(payload);
	return receivers;
}

static void merge(struct histogram *into, const struct histogram *other)
{
	into->count += other->count;
	into->max = into->max > other->max ? into->max : other->max;
	for (unsigned step = 0; step < sizeof other->steps / sizeof *other->steps; step++)
		into->steps[step] += other->steps[step];
}

/* Prints one broadcast's part of the report; true where every terminal got it once. */
static bool broadcast(int fd, uint32_t number)
{
	struct histogram *all = calloc(1, sizeof *all);
	if (!all)
		give_up("out of memory");
	board->broadcast = number;
	wait_for_workers(number);
	int64_t receivers = publish_to_all(fd, number);
	struct totals totals = add_up();
	for (uint64_t seen = 0, until = now() + SILENCE; totals.delivered < options.count && now() < until; totals = add_up()) {
		if (totals.delivered != seen)
			until = now() + SILENCE;
		seen = totals.delivered;
		pause_a_little();
	}
	for (uint32_t k = 0; k < board->worker_count; k++)
		merge(all, &board->shares[k].latency);
	printf("%s{\"receivers\":%lld,\"delivered\":%llu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"last_ms\":%.2f}", number > 1 ? "," : "",
	       (long long)receivers, (unsigned long long)totals.delivered, (double)quantile(all, 0.5) / 1e6,
	       (double)quantile(all, 0.99) / 1e6, (double)all->max / 1e6);
	free(all);
	return totals.delivered == options.count;
}

static const char *first_note_of_workers(void)
{
	for (uint32_t k = 0; k < board->worker_count; k++)
		if (board->shares[k].note[0])
			return board->shares[k].note;
	return "";
}

int main(int argc, char **argv)
{
	struct usage empty[MAX_NODES], settled[MAX_NODES];
	bool is_good = true;
	program = "cluster";
	board = mmap(0, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		give_up("mmap: %s", strerror(errno));
	read_settings(argc, argv, help, settings, sizeof settings / sizeof *settings, read_node);
	if (!redis || !count || !board->node_count)
		give_up("--redis, --node and --count are needed; see --help");
	options.handshakes = (uint32_t)handshakes;
	options.size = (uint32_t)size;

	measure_nodes(board, empty);
	uint64_t start = now();
	start_workers();
	wait_for_connections();
	double seconds = (double)(now() - start) / 1e9;
	pause_until(now() + (uint64_t)(settle * 1e9));
	measure_nodes(board, settled);

	printf("{\"count\":%u,\"workers\":%u,\"connect_seconds\":%.2f,\"nodes\":[", options.count, board->worker_count, seconds);
	print_nodes(board, empty, settled);
	printf("],\"size\":%u,\"broadcasts\":[", options.size);
	int fd = connect_to_redis((uint16_t)redis);
	for (uint32_t number = 1; number <= (uint32_t)broadcasts; number++)
		is_good = broadcast(fd, number) && is_good;
	/* What comes twice comes soon. */
	pause_until(now() + 500000000u);
	struct totals totals = add_up();
	printf("],\"connected\":%llu,\"refused\":%llu,\"closed\":%llu,\"repeated\":%llu,\"foreign\":%llu,\"note\":\"%s\"}\n",
	       (unsigned long long)totals.open, (unsigned long long)totals.refused, (unsigned long long)totals.closed,
	       (unsigned long long)totals.repeated, (unsigned long long)totals.foreign, first_note_of_workers());
	board->is_over = true;
	while (waitpid(-1, 0, 0) > 0)
		continue;
	return is_good && totals.open == options.count && !totals.repeated && !totals.foreign ? 0 : 1;
}
