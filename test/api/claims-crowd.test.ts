import { describe, test } from "bun:test";
import { agents, crowdAtOne, crowdAtTwo } from "../support/claims-crowd.ts";
import { durableDatabases } from "../support/databases.ts";

/** Those of test/faults are five times as many. */
const tasksMax = 1000;
const timeoutMs = 120_000;

for (const { name, newUrl } of durableDatabases) {
	describe(`${tasksMax} tasks in a graph and ${agents} agents that crash and stall, on ${name}`, () => {
		test(
			"every task is done once, by its fence, after its blockers, and by one agent at a time",
			async () => crowdAtOne(await newUrl(), tasksMax),
			timeoutMs,
		);
		test(
			"the same with two servers, one of which is killed meanwhile",
			async () => crowdAtTwo(await newUrl(), tasksMax),
			timeoutMs,
		);
	});
}
