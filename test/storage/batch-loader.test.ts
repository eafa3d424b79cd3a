import { expect, test } from "bun:test";
import { BatchLoader } from "../../src/storage/postgres/batch-loader.ts";

/** A loader whose queries end when the test resolves them, and the queries so far. */
function loader() {
	const queries: { readonly keys: readonly string[]; end(): void }[] = [];
	const batches = new BatchLoader<string, ReadonlySet<string>>((keys) => {
		const { promise, resolve } = Promise.withResolvers<ReadonlySet<string>>();
		queries.push({ keys: [...keys], end: () => resolve(keys) });
		return promise;
	});
	return { batches, queries };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("calls that arrive while a query is in progress share the next one", async () => {
	const { batches, queries } = loader();
	const first = batches.load("a");
	await nextTurn();
	const next = Promise.all([batches.load("b"), batches.load("c")]);
	await nextTurn();
	expect(queries.map(({ keys }) => keys)).toEqual([["a"]]);
	queries[0]?.end();
	await first;
	await nextTurn();
	expect(queries.map(({ keys }) => keys)).toEqual([["a"], ["b", "c"]]);
	queries[1]?.end();
	expect((await next).map((keys) => [...keys])).toEqual([
		["b", "c"],
		["b", "c"],
	]);
});

test("a query that stalls delays others only briefly, and only a few can be in progress at once", async () => {
	const { batches, queries } = loader();
	const outcomes = new Map<string, string>();
	const ask = (key: string) => batches.load(key).then(() => void outcomes.set(key, "loaded"));
	for (const key of ["a", "b", "c", "d"]) {
		void ask(key);
		while (queries.length === 0 || queries.at(-1)?.keys[0] !== key) await Bun.sleep(5);
	}
	const waiting = ask("e");
	queries[1]?.end();
	while (queries.length < 5) await Bun.sleep(5);
	queries[4]?.end();
	await waiting;
	expect([...outcomes.keys()].sort()).toEqual(["b", "e"]);
});

test("a query that fails rejects its own calls, and the next one runs", async () => {
	let calls = 0;
	const batches = new BatchLoader<string, number>(async () => {
		if (++calls === 1) throw new Error("away");
		return calls;
	});
	expect(Promise.all([batches.load("a"), batches.load("b")])).rejects.toThrow("away");
	await nextTurn();
	expect(await batches.load("c")).toBe(2);
});
