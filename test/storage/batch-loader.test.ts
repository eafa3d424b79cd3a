import { expect, test } from "bun:test";
import { BatchLoader } from "../../src/storage/postgres/batch-loader.ts";

/** A loader whose queries end when told to, and what was asked of it. */
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

test("whoever asks while a query is under way shares the next one", async () => {
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

test("a query that stalls holds nobody else up but for a moment, and takes no more than a few places", async () => {
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

test("a query that fails fails those who asked, and the next one goes on", async () => {
	let calls = 0;
	const batches = new BatchLoader<string, number>(async () => {
		if (++calls === 1) throw new Error("away");
		return calls;
	});
	expect(Promise.all([batches.load("a"), batches.load("b")])).rejects.toThrow("away");
	await nextTurn();
	expect(await batches.load("c")).toBe(2);
});
