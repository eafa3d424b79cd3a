import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import postgres from "postgres";
import { newId } from "../../src/kernel/ids.ts";
import { firstOf, type ReadyQueue } from "../../src/storage/postgres/collections/task-ready.ts";
import { lapsedClaims } from "../../src/storage/sqlite/collections/claims.ts";
import { firstLabelled, firstReady } from "../../src/storage/sqlite/collections/task-ready.ts";
import { claimService } from "../../src/tasks/claims/service.ts";
import { systemContext as context } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { beginEpoch } from "../support/epochs.ts";
import { openTestStorage, type TestStorage } from "../support/storage.ts";
import { onEnd } from "../support/teardown.ts";

const queues: readonly ReadyQueue[] = [
	{ space: 1, label: null, assignee: null },
	{ space: 1, label: null, assignee: "h" },
	{ space: 1, label: "rare", assignee: null },
	{ space: 1, label: "rare", assignee: "h" },
];

/** How the statements that find the first ready tasks are done, one after the other. */
async function plansOf(url: string): Promise<readonly string[]> {
	if (url.startsWith("sqlite")) {
		const database = new Database(url.replace("sqlite:///", ""));
		onEnd(() => database.close());
		return [firstReady, firstLabelled, lapsedClaims].map((statement) =>
			database
				.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${statement}`)
				.all()
				.map(({ detail }) => detail)
				.join("\n"),
		);
	}
	const sql = postgres(url, { max: 1, onnotice() {} });
	onEnd(() => sql.end());
	await sql`ANALYZE`;
	const plans: string[] = [];
	for (const queue of queues) {
		const rows = await sql<{ "QUERY PLAN": string }[]>`EXPLAIN (ANALYZE)
			SELECT tasks.* FROM ${firstOf(sql as never, [{ ...queue, limit: 3 }]) as never}`;
		plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
	}
	return plans;
}

async function fill({ tasks }: TestStorage): Promise<void> {
	const kinds = [
		{ priority: 9, assignee: "other", labels: ["common", "rare"] },
		{ priority: 8, labels: ["common"] },
		{ priority: 7, status: "done", labels: ["rare"] },
	] as const;
	for (const kind of kinds) {
		for (let batch = 0; batch < 6; batch++) {
			const made = Array.from({ length: 500 }, () => ({
				id: newId(),
				task: { ...kind, labels: [...kind.labels], title: "t" },
			}));
			await tasks.createBatch({ tasks: made, author: "Ada", now: 1, idempotent: undefined, context });
		}
	}
}

for (const { name, newUrl } of durableDatabases) {
	test(`the next task is the first entry of an index, whatever others are more urgent, on ${name}`, async () => {
		const url = await newUrl();
		await fill(await openTestStorage(url));
		for (const plan of await plansOf(url)) {
			expect(plan).not.toMatch(/Sort|TEMP B-TREE|SCAN tasks|Seq Scan on task/);
			expect(plan).toMatch(/tasks_ready|task_labels_ready|claims_expiring/);
			const examined = [...plan.matchAll(/Scan using.*actual time.*rows=(\d+)/g)];
			for (const [, rows] of examined) expect(Number(rows)).toBeLessThanOrEqual(3);
		}
	}, 60_000);

	test(`no fence of an earlier epoch holds, and the next one is higher, on ${name}`, async () => {
		const url = await newUrl();
		const before = await openTestStorage(url);
		const id = newId();
		const made = { id, author: "Ada", task: { title: "t" }, idempotent: undefined, now: 1, context };
		await before.tasks.create(made);
		await before.tasks.create({ ...made, id: newId() });
		const take = { id, holder: "h", leaseSeconds: 1, idempotent: undefined, now: 2, context };
		const { fence } = await claimService(before.claims, before.run).claim(take);
		await before.stop();
		await beginEpoch(url);
		const storage = await openTestStorage(url);
		const claims = claimService(storage.claims, storage.run);
		const complete = { id, fence, note: undefined, result: undefined, now: 3, context };
		expect(await claims.complete(complete).catch(({ code }) => code)).toBe("lease_lost");
		expect(await claims.claim(take).catch(({ code }) => code)).toBe("claimed");
		while (((await claims.dueInMs()) ?? 1) > 0) await Bun.sleep(20);
		expect(await claims.sweep({ context: { actor: "system", requestId: "s" }, now: 4 }, 9)).toBe(1);
		const floor = (await storage.events.range()).purgedRev;
		expect((await claims.claim(take)).fence).toBeGreaterThan(floor);
		// A task that was never claimed before too.
		const next = {
			holder: "h",
			label: undefined,
			leaseSeconds: 1,
			idempotent: undefined,
			isGone: () => false,
		};
		expect((await claims.next({ ...next, now: 5, context }))?.fence).toBeGreaterThan(floor);
	}, 60_000);
}
