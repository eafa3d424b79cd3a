import { describe, expect, test } from "bun:test";
import { idempotencyKeptMs } from "../src/kernel/idempotency.ts";
import { newId } from "../src/kernel/ids.ts";
import { purgeRound } from "../src/kernel/purge.ts";
import { systemContext } from "./support/context.ts";
import { everyDatabase } from "./support/databases.ts";
import { openTestStorage } from "./support/storage.ts";

const day = 86_400_000;
const minute = 60_000;

/** A machine whose wall clock a test may set, and whose time passes as a test says. */
function machine(wall: number) {
	let passed = 1000;
	return {
		clock: () => wall,
		monotonic: () => passed,
		pass(milliseconds: number): void {
			passed += milliseconds;
			wall += milliseconds;
		},
		set(to: number): void {
			wall = to;
		},
	};
}

/** Rounds of a purge of rows that are as old as `retentionMs` at `Date.now()`; `removed` has what they would remove. */
function purging(wall: number, retentionMs: number) {
	const { pass, ...times } = machine(wall);
	const removed: number[] = [];
	const round = purgeRound({
		...times,
		retentionMs,
		purge: async (before) => {
			removed.push(before);
			return 0;
		},
	});
	/** Rounds as a `Repeater` makes them, until `milliseconds` have passed. */
	async function run(milliseconds: number): Promise<void> {
		for (let left = milliseconds; left > 0; ) {
			const pause = Math.min(left, await round());
			pass(pause);
			left -= pause;
		}
	}
	return { ...times, pass, removed, run };
}

describe("a purge", () => {
	const start = Date.UTC(2026, 10, 25);

	test("begins ten minutes after the start, then goes on every minute", async () => {
		const { removed, run } = purging(start, 7 * day);
		await run(10 * minute);
		expect(removed).toEqual([]);
		await run(2 * minute);
		expect(removed).toEqual([10, 11].map((minutes) => start + minutes * minute - 7 * day));
	});

	test("of what is kept for seconds begins after a tenth of that", async () => {
		const { removed, run } = purging(start, 10_000);
		await run(1000);
		expect(removed).toEqual([]);
		await run(1000);
		expect(removed).toEqual([start + 1000 - 10_000]);
	});

	test("removes nothing on the word of a clock that is ahead for the first seconds, or for nine minutes", async () => {
		for (const ahead of [5000, 9 * minute]) {
			const { removed, run, set } = purging(start + 60 * day, 7 * day);
			await run(ahead);
			set(start + ahead);
			await run(60 * minute);
			expect(removed.length).toBeGreaterThan(40);
			expect(Math.max(...removed)).toBeLessThanOrEqual(start + ahead + 60 * minute - 7 * day);
		}
	});

	test("waits again after a jump, either way, and not for a clock that is set by a second", async () => {
		for (const jump of [60 * day, -60 * day]) {
			const { clock, removed, run, set } = purging(start, 7 * day);
			await run(11 * minute);
			const { length } = removed;
			set(clock() + jump);
			await run(9 * minute);
			expect(removed).toHaveLength(length);
			set(clock() - jump);
			await run(9 * minute);
			expect(removed).toHaveLength(length);
			set(clock() + 1000);
			await run(2 * minute);
			expect(removed.length).toBeGreaterThan(length);
		}
	});

	test("goes on while a clock is slewed, by half a millisecond a second", async () => {
		const { clock, removed, run, set } = purging(start, 7 * day);
		for (let hours = 0; hours < 24; hours++) {
			await run(60 * minute);
			set(clock() + 1800);
		}
		expect(removed.length).toBeGreaterThan(1000);
	});
});

for (const { name, newUrl } of everyDatabase) {
	test(`on ${name} events, records and jobs outlive a clock that is 60 days ahead at the start`, async () => {
		const storage = await openTestStorage(await newUrl());
		const { tasks, jobs, events, idempotency } = storage;
		const now = await storage.now();
		expect(Math.abs(now - Date.now())).toBeLessThan(5000);
		const idempotent = { scope: "u POST /collab/tasks", key: "k", requestHash: "h" };
		const create = () =>
			tasks.create({
				id: newId(),
				author: "Ada",
				task: { title: "kept" },
				idempotent,
				now,
				context: systemContext,
			});
		await create();
		const draft = { kind: "k", payload: "{}", queue: "q", priority: 0, maxAttempts: 1 };
		const { id } = await jobs.enqueue({
			id: newId(),
			job: { ...draft, runAt: undefined, uniqueKey: undefined },
			idempotent: undefined,
			context: systemContext,
		});
		await jobs.cancel({ id, context: systemContext });

		const times = machine(now + 60 * day);
		const purges = [
			{ purge: events.purge, retentionMs: 7 * day },
			{ purge: jobs.purge, retentionMs: 7 * day },
			{ purge: idempotency.purge, retentionMs: idempotencyKeptMs },
		].map((purge) => purgeRound({ ...times, ...purge }));
		const round = () => Promise.all(purges.map((purge) => purge()));
		await round();
		times.pass(5000);
		await round();
		times.set(now + 10_000);
		for (let minutes = 0; minutes < 15; minutes++) {
			await round();
			times.pass(minute);
		}
		const kept = async () => [
			(await events.range()).purgedRev,
			(await jobs.find(1, id))?.state,
			(await create()).replayed,
		];
		expect(await kept()).toEqual([0, "cancelled", true]);

		// What is old by a steady clock is removed.
		times.set(now + 60 * day);
		for (let minutes = 0; minutes < 12; minutes++) {
			await round();
			times.pass(minute);
		}
		expect(await jobs.find(1, id)).toBeUndefined();
		expect((await events.range()).purgedRev).toBeGreaterThan(0);
		expect(await idempotency.purge(now + day, 10)).toBe(0);
	});
}
