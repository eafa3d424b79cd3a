import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { systemContext } from "../support/context.ts";
import { postgresVariants } from "../support/postgres-variants.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { openTestStorage } from "../support/storage.ts";

// Some tests start whole processes.
setDefaultTimeout(60_000);

describe.each([...postgresVariants])("$name", ({ newUrl, env }) => {
	test("takes the migrations of ten processes at once, each of them once", async () => {
		const url = await newUrl();
		const all = await Promise.all(
			Array.from({ length: 10 }, () => runProgram([...fromSource, "migrate"], { ...env, DATABASE_URL: url })),
		);
		expect(all.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
			Array(10).fill({ code: 0, stderr: "" }),
		);
		const applied = all.flatMap(({ stdout }) => stdout.match(/^applied .*/gm) ?? []);
		expect(applied).toHaveLength(new Set(applied).size);
		expect(applied.length).toBeGreaterThan(0);
	});

	test("takes every write of two processes at once, in one order", async () => {
		const url = await newUrl();
		const both = [await openTestStorage(url, undefined, env), await openTestStorage(url, undefined, env)];
		const ids = Array.from({ length: 60 }, newId);
		const writes = ids.map(async (id, index) => {
			const { tasks, jobs } = both[index % 2] as (typeof both)[0];
			// Not all in one group: many groups meet.
			await Bun.sleep(index * 2);
			const change = { now: 1, context: systemContext };
			await tasks.create({ ...change, id, author: "Ada", task: { title: "t" }, idempotent: undefined });
			await tasks.update({ ...change, id, ifMatch: "any", author: "Ada", patch: { title: "u" } });
			await jobs.lease({
				worker: "w",
				queues: ["q"],
				limit: 1,
				leaseSeconds: 1,
				context: systemContext,
			});
			return id;
		});
		expect((await Promise.allSettled(writes)).filter(({ status }) => status === "rejected")).toEqual([]);
		const page = await both[0]?.events.read({
			space: "every",
			after: 0,
			types: ["task.created", "task.updated"],
			limit: 1000,
			bytesMax: 1e6,
		});
		expect(page?.rows.map(({ id }) => id)).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
		for (const storage of both) await storage.stop();
	});
});
