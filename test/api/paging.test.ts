import { describe, expect, test } from "bun:test";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";

interface Page {
	readonly items: readonly { readonly id: string; readonly title: string }[];
	readonly kind: string;
	readonly next_cursor?: string;
}

const pageOf = ({ json }: Answer) => json as Page;
const titlesOf = (answer: Answer) => pageOf(answer).items.map(({ title }) => title);

for (const { name, newUrl } of everyDatabase) {
	describe(name, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const headers = { authorization: server.bearer, "if-match": "*" };
		const list = (query = "") => ask(server, `GET /collab/state/tasks${query}`);

		async function create(title: string): Promise<string> {
			const { json } = await ask(server, "POST /collab/tasks", { headers, body: { title } });
			return (json as { id: string }).id;
		}

		/** Every page from the first to the last, following `Link`. */
		async function walk(query: string, between: (page: number) => Promise<unknown> = async () => {}) {
			const titles: string[] = [];
			let next: string | undefined = `/collab/state/tasks${query}`;
			for (let page = 1; next !== undefined; page++) {
				const answer: Answer = await ask(server, `GET ${next as `/${string}`}`);
				expect(answer.status).toBe(200);
				titles.push(...titlesOf(answer));
				const link = answer.headers.get("link");
				const cursor = pageOf(answer).next_cursor;
				expect(link === null).toBe(cursor === undefined);
				next = /^<(.+)>; rel="next"$/.exec(link ?? "")?.[1];
				if (cursor !== undefined) expect(next).toContain(encodeURIComponent(cursor));
				await between(page);
			}
			return titles;
		}

		test("an empty list is complete, and its event is 0", async () => {
			const answer = await list();
			expect(answer.text).toBe('{"items":[],"kind":"tasks"}');
			expect([answer.headers.get("x-event-id"), answer.headers.get("link")]).toEqual(["0", null]);
		});

		const all = Array.from({ length: 7 }, (_, index) => `t${index + 1}`);

		test("newest first, or oldest first, in pages of any size", async () => {
			for (const title of all) await create(title);
			expect(titlesOf(await list())).toEqual(all.toReversed());
			expect(titlesOf(await list("?order=asc"))).toEqual(all);
			expect(titlesOf(await list("?order=desc"))).toEqual(all.toReversed());
			for (const limit of [1, 2, 3, 6, 7, 8, 1000]) {
				expect(await walk(`?limit=${limit}`)).toEqual(all.toReversed());
				expect(await walk(`?limit=${limit}&order=asc`)).toEqual(all);
			}
			expect(pageOf(await list("?limit=7")).next_cursor).toBeUndefined();
			expect(pageOf(await list("?limit=6")).next_cursor).toBeString();
		});

		test("a cursor keeps its position while rows are added and removed, even its own row", async () => {
			const seen = await walk("?limit=2", async (page) => {
				if (page > 2) return;
				await create(`added ${page}`);
				const last = page === 1 ? "t6" : "t4";
				const items = pageOf(await list()).items;
				const id = items.find(({ title }) => title === last)?.id;
				expect((await ask(server, `DELETE /collab/tasks/${id ?? ""}`, { headers })).status).toBe(204);
			});
			expect(seen).toEqual(all.toReversed());
		});

		test("X-Event-Id is the newest event that the list includes", async () => {
			const at = async () => Number((await list("?limit=1")).headers.get("x-event-id"));
			const before = await at();
			const id = await create("counted");
			expect(await at()).toBe(before + 1);
			await ask(server, `PATCH /collab/tasks/${id}`, { headers, body: { title: "counted twice" } });
			expect(await at()).toBe(before + 2);
			await ask(server, `DELETE /collab/tasks/${id}`, { headers });
			expect(await at()).toBe(before + 3);
		});

		test("a cursor that is forged, changed, for the other order or from another server is 422", async () => {
			const cursor = pageOf(await list("?limit=1")).next_cursor ?? "";
			const other = await startServer({ DATABASE_URL: "sqlite://:memory:" });
			const foreign = await ask(other, `GET /collab/state/tasks?limit=1&cursor=${cursor}`);
			expect(foreign.status).toBe(422);
			const changed = [...cursor].map((letter, index) => {
				return `${cursor.slice(0, index)}${letter === "A" ? "B" : "A"}${cursor.slice(index + 1)}`;
			});
			const bytes = Buffer.from(cursor, "base64url");
			const queries = [
				...changed.map((wrong) => `cursor=${wrong}`),
				`cursor=${cursor}&order=asc`,
				`cursor=${cursor}A`,
				`cursor=${cursor}=`,
				`cursor=${cursor.slice(0, -4)}`,
				`cursor=${bytes.subarray(0, 16).toString("base64url")}`,
				`cursor=${encodeURIComponent(bytes.toString("base64"))}=`,
				"cursor=",
				"cursor=1",
				`cursor=${Buffer.from("desc 3").toString("base64url")}`,
				`cursor=${"A".repeat(500)}`,
				"cursor=%00",
				"cursor=%ff",
			];
			for (const query of queries) {
				const answer = await list(`?${query}`);
				expect([query, answer.status]).toEqual([query, 422]);
				expect(errorOf(answer).details?.map(({ path }) => path)).toEqual(["/cursor"]);
			}
			expect((await list(`?limit=1&cursor=${cursor}`)).status).toBe(200);
		});

		test("any other invalid query parameter is 422 with its path", async () => {
			for (const [query, ...paths] of [
				["limit=0", "/limit"],
				["limit=1001", "/limit"],
				["limit=-1", "/limit"],
				["limit=1.5", "/limit"],
				["limit=1e2", "/limit"],
				["limit=0x10", "/limit"],
				["limit=", "/limit"],
				["limit=ten", "/limit"],
				["limit=99999999999999999999", "/limit"],
				["limit=%31%00", "/limit"],
				["limit=1&limit=2", "/limit"],
				["order=", "/order"],
				["order=ASC", "/order"],
				["order=asc&order=asc", "/order"],
				["unknown=1", "/unknown"],
				["__proto__=1", "/__proto__"],
				["limit=0&order=up&x=1", "/limit", "/order", "/x"],
			] as const) {
				const answer = await list(`?${query}`);
				expect([query, answer.status]).toEqual([query, 422]);
				expect(
					errorOf(answer)
						.details?.map(({ path }) => path)
						.sort(),
				).toEqual([...paths]);
			}
			for (const query of ["?", "?limit=%31", "?limit=1000", "?limit=001", "?order=asc&limit=5&"]) {
				expect([query, (await list(query)).status]).toEqual([query, 200]);
			}
		});

		test("a list without a limit has a hundred items", async () => {
			await Promise.all(Array.from({ length: 120 }, (_, index) => create(`many ${index}`)));
			const answer = await list();
			expect(pageOf(answer).items).toHaveLength(100);
			const rest = await walk("?limit=50");
			expect(new Set(rest).size).toBe(rest.length);
			expect(rest.length).toBeGreaterThan(120);
		});
	});
}
