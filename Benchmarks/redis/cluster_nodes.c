#include "cluster.h"

#include <stdio.h>

void measure_nodes(const struct board *board, struct usage *usage)
{
	for (uint32_t k = 0; k < board->node_count; k++)
		usage[k] = (struct usage){ resident_kb(board->nodes[k].pid), process_cpu(board->nodes[k].pid) };
}

static uint32_t clients_of(const struct board *board, uint32_t node)
{
	uint32_t all = 0;
	for (uint32_t client = 1; client <= options.count; client++)
		all += client % board->node_count == node;
	return all;
}

void print_nodes(const struct board *board, const struct usage *before, const struct usage *after)
{
	for (uint32_t k = 0; k < board->node_count; k++) {
		uint32_t clients = clients_of(board, k);
		printf("%s{\"connections\":%u,\"empty_kb\":%llu,\"settled_kb\":%llu,\"kb_per_connection\":%.3f,"
		       "\"us_per_connect\":%.1f}",
		       k ? "," : "", clients, (unsigned long long)before[k].kb, (unsigned long long)after[k].kb,
		       clients ? ((double)after[k].kb - (double)before[k].kb) / clients : 0,
		       clients ? (after[k].cpu - before[k].cpu) * 1e6 / clients : 0);
	}
}
