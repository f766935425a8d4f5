#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct setting *setting_named(const char *name, const struct setting *settings, size_t count)
{
	for (size_t k = 0; k < count; k++)
		if (!strcmp(name, settings[k].name))
			return &settings[k];
	return 0;
}

void read_settings(int argc, char **argv, const char *help, const struct setting *settings, size_t count,
		   bool (*other)(const char *name, const char *value))
{
	for (int k = 1; k < argc; k++) {
		const char *name = argv[k];
		if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
			fputs(help, stdout);
			exit(0);
		}
		if (k + 1 == argc)
			give_up("%s: unknown, or without its value; see --help", name);
		const char *text = argv[++k];
		const struct setting *setting = setting_named(name, settings, count);
		if (!setting) {
			if (!other(name, text))
				give_up("%s %s is not understood; see --help", name, text);
			continue;
		}
		char *end;
		double value = strtod(text, &end);
		if (!*text || *end || !(value >= setting->least && value <= setting->most))
			give_up("%s wants a number from %g to %g", name, setting->least, setting->most);
		*setting->value = value;
	}
}
