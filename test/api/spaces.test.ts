import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { addMember, addSpace } from "../support/spaces.ts";
import { runSql } from "../support/sql.ts";
import { addToken, idOf } from "../support/tokens.ts";
import { addUser, usersOf } from "../support/users.ts";

setDefaultTimeout(60_000);

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const privately = "Origin, Authorization, X-API-Key";
const tagOf = (text: string) => `"${new Bun.CryptoHasher("sha256").update(text).digest("hex")}"`;
type Line = `${string} /${string}`;

interface Listed {
	readonly items: readonly Record<string, string>[];
	readonly next_cursor?: string;
}
const itemsOf = ({ json }: Answer) => (json as Listed).items;

/** Asks with the server's user, or another one. */
function asking(server: TestServer) {
	return (line: Line, body?: unknown, more: Record<string, string> = {}) =>
		ask(server, line, { headers: { authorization: server.bearer, ...more }, body });
}

for (const { name, newUrl } of everyDatabase) {
	describe(`spaces on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const as = asking(server);
		const revAtStart = (await server.storage.events.range()).rev;

		test("POST answers with the space, its tag and its address; GET with the same bytes", async () => {
			const made = await as("POST /spaces", { name: "acme", title: "The move 👩‍👩‍👧" });
			expect(made.status).toBe(200);
			expect(made.json).toEqual({ created_at: time, name: "acme", title: "The move 👩‍👩‍👧", version: 1 });
			expect(made.text).toStartWith('{"created_at":');
			expect(made.headers.get("etag")).toBe(tagOf(made.text));
			expect(made.headers.get("location")).toBe("/spaces/acme");
			const got = await as("GET /spaces/acme");
			expect([got.status, got.text]).toEqual([200, made.text]);
			const { headers } = got;
			expect(headers.get("etag")).toBe(made.headers.get("etag"));
			expect(headers.get("cache-control")).toBe("private, no-cache, no-transform");
			expect(headers.get("vary")).toBe(privately);
			expect(headers.get("x-event-id")).toBeNull();
			for (const known of [tagOf(made.text), `W/${tagOf(made.text)}`, `"x", ${tagOf(made.text)}`, "*"]) {
				const unchanged = await as("GET /spaces/acme", undefined, { "if-none-match": known });
				expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
				expect(unchanged.headers.get("etag")).toBe(tagOf(made.text));
				expect(unchanged.headers.get("vary")).toBe(privately);
			}
			const head = await as("HEAD /spaces/acme");
			expect([head.status, head.text, head.headers.get("etag")]).toEqual([200, "", tagOf(made.text)]);
		});

		test("names and titles have bounds, and a title may be left out", async () => {
			for (const body of [
				{ name: "-" },
				{ name: "0".repeat(40), title: "" },
				{ name: "a-9", title: "👍".repeat(200) },
			]) {
				const made = await as("POST /spaces", body);
				expect([made.status, made.json]).toEqual([200, { created_at: time, title: "", ...body, version: 1 }]);
			}
			for (const [body, ...paths] of [
				[{}, "/name"],
				[{ name: "" }, "/name"],
				[{ name: "a".repeat(41) }, "/name"],
				[{ name: "Acme" }, "/name"],
				[{ name: "ä" }, "/name"],
				[{ name: "a/b" }, "/name"],
				[{ name: "a\n" }, "/name"],
				[{ name: ".." }, "/name"],
				[{ name: 1, title: 1 }, "/name", "/title"],
				[{ name: "ok", title: "👍".repeat(201) }, "/title"],
				[{ name: "ok", title: "a\u0000" }, "/title"],
				[{ name: "ok", title: "\ud800" }, "/title"],
				[{ name: "ok", color: "red" }, "/color"],
			] as const) {
				const refused = await as("POST /spaces", body);
				expect([body as unknown, refused.status, errorOf(refused).type]).toEqual([
					body,
					422,
					"validation_error",
				]);
				expect(
					errorOf(refused)
						.details?.map(({ path }) => path)
						.sort(),
				).toEqual([...paths].sort());
			}
			expect((await as("GET /spaces/ok")).status).toBe(404);
		});

		test("a name that is taken is 409, whoever asks, and that of default too", async () => {
			const other = await addUser(server.storage, server.url, "taker@example.com");
			for (const taken of ["acme", "default"]) {
				for (const authorization of [server.bearer, other]) {
					const refused = await as("POST /spaces", { name: taken }, { authorization });
					expect([refused.status, errorOf(refused).type]).toEqual([409, "conflict"]);
				}
			}
			const raced = await Promise.all([
				as("POST /spaces", { name: "raced" }),
				as("POST /spaces", { name: "raced" }),
			]);
			expect(raced.map(({ status }) => status).sort()).toEqual([200, 409]);
		});

		test("PATCH wants the current tag, changes the title, and null resets it", async () => {
			const made = await as("POST /spaces", { name: "patched", title: "one" });
			const tag = made.headers.get("etag") ?? "";
			const missing = await as("PATCH /spaces/patched", { title: "two" });
			expect([missing.status, errorOf(missing).type]).toEqual([428, "precondition_required"]);
			const changed = await as("PATCH /spaces/patched", { title: "two" }, { "if-match": tag });
			expect([changed.status, changed.json]).toEqual([
				200,
				{ created_at: time, name: "patched", title: "two", version: 2 },
			]);
			expect(changed.headers.get("etag")).toBe(tagOf(changed.text));
			expect((await as("GET /spaces/patched")).text).toBe(changed.text);
			const stale = await as("PATCH /spaces/patched", { title: "three" }, { "if-match": tag });
			expect([stale.status, errorOf(stale).type]).toEqual([412, "precondition_failed"]);
			expect(stale.headers.get("etag")).toBe(tagOf(changed.text));
			const staleAndBad = await as("PATCH /spaces/patched", { title: 1 }, { "if-match": tag });
			expect(staleAndBad.status).toBe(412);
			for (const body of [{}, { title: "two" }]) {
				const same = await as("PATCH /spaces/patched", body, { "if-match": "*" });
				expect([same.status, same.text]).toEqual([200, changed.text]);
			}
			for (const body of [{ name: "other" }, { title: "x".repeat(201) }, [], 1]) {
				expect((await as("PATCH /spaces/patched", body, { "if-match": "*" })).status).toBe(422);
			}
			const reset = await as("PATCH /spaces/patched", { title: null }, { "if-match": "*" });
			expect(reset.json).toMatchObject({ title: "", version: 3 });
			const merge = { headers: { authorization: server.bearer, "if-match": "*" }, body: { title: "m" } };
			const merged = await ask(server, "PATCH /spaces/patched", {
				...merge,
				contentType: "application/merge-patch+json",
			});
			expect(merged.json).toMatchObject({ title: "m", version: 4 });
		});

		test("default takes a title, and is not deleted, once the precondition holds", async () => {
			expect((await as("DELETE /spaces/default")).status).toBe(428);
			expect((await as("DELETE /spaces/default", undefined, { "if-match": '"x"' })).status).toBe(412);
			const refused = await as("DELETE /spaces/default", undefined, { "if-match": "*" });
			expect([refused.status, errorOf(refused).type]).toEqual([409, "conflict"]);
			const titled = await as("PATCH /spaces/default", { title: "All of us" }, { "if-match": "*" });
			expect(titled.json).toMatchObject({ name: "default", title: "All of us", version: 2 });
		});

		test("DELETE wants the current tag, and is 204 once", async () => {
			const made = await as("POST /spaces", { name: "short" });
			const stale = await as("DELETE /spaces/short", undefined, { "if-match": '"x"' });
			expect([stale.status, stale.headers.get("etag")]).toEqual([412, made.headers.get("etag")]);
			const removed = await as("DELETE /spaces/short", undefined, { "if-match": tagOf(made.text) });
			expect([removed.status, removed.text]).toEqual([204, ""]);
			expect((await as("DELETE /spaces/short", undefined, { "if-match": "*" })).status).toBe(404);
			expect((await as("GET /spaces/short")).status).toBe(404);
			expect(itemsOf(await as("GET /spaces")).some((space) => space.name === "short")).toBe(false);
		});

		test("the list has the reached ones in the order of their making, each with the caller's role, by pages", async () => {
			const maker = await addUser(server.storage, server.url, "maker@example.com");
			for (const name of ["c", "b", "a"]) await addSpace(server, name, maker);
			const guest = await addMember(
				server,
				"guest@example.com",
				"reader",
				await addSpace(server, "d", maker),
			);
			const listed = await as("GET /spaces", undefined, { authorization: maker });
			expect(listed.json).toEqual({
				items: [
					{ created_at: time, name: "default", role: "writer", title: "All of us", version: 2 },
					...["c", "b", "a", "d"].map((name) => ({
						...{ created_at: time, name, role: "owner", title: "", version: 1 },
					})),
				],
				kind: "spaces",
			});
			expect(listed.headers.get("vary")).toBe(privately);
			expect(listed.headers.get("cache-control")).toBe("private, no-cache");
			expect(listed.headers.get("link")).toBeNull();
			const rolesOfGuest = itemsOf(await as("GET /spaces", undefined, { authorization: guest }));
			expect(rolesOfGuest.map(({ name, role }) => [name, role])).toEqual([
				["default", "writer"],
				["d", "reader"],
			]);
			const seen: string[] = [];
			let line: Line = "GET /spaces?limit=2";
			for (;;) {
				const page = await as(line, undefined, { authorization: maker });
				seen.push(...itemsOf(page).map(({ name }) => String(name)));
				const { next_cursor: cursor } = page.json as Listed;
				const link = page.headers.get("link");
				expect(link === null).toBe(cursor === undefined);
				if (link === null) break;
				const next = /^<(\/.*)>; rel="next"$/.exec(link)?.[1] ?? "";
				expect(new URL(next, server.url).searchParams.get("cursor")).toBe(cursor ?? "");
				line = `GET /${next.slice(1)}`;
			}
			expect(seen).toEqual(["default", "c", "b", "a", "d"]);
			const { token } = await addToken({ url: server.url, authorization: maker }, { spaces: ["a", "c"] });
			const ofToken = itemsOf(await as("GET /spaces", undefined, { authorization: `Bearer ${token}` }));
			expect(ofToken.map(({ name, role }) => [name, role])).toEqual([
				["c", "owner"],
				["a", "owner"],
			]);
			for (const query of ["limit=0", "limit=1001", "limit=x", "cursor=x", "odd=1"]) {
				expect([query, (await as(`GET /spaces?${query}`)).status]).toEqual([query, 422]);
			}
			const { next_cursor: cursor } = (await as("GET /spaces?limit=1")).json as Listed;
			expect((await as(`GET /spaces/acme/members?cursor=${cursor}`)).status).toBe(422);
		});

		test("members: added, changed and removed by owners; e-mail addresses for owners alone", async () => {
			const space = await addSpace(server, "team");
			const ada = await idOf(server);
			const grace = await addUser(server.storage, server.url, "grace@example.com");
			const id = await idOf(server, grace);
			const added = await as("POST /spaces/team/members", { email: " Grace@Example.com", role: "reader" });
			const member = { id, name: "grace", role: "reader" };
			expect([added.status, added.json]).toEqual([200, { ...member, email: "grace@example.com" }]);
			expect(added.headers.get("location")).toBeNull();
			const own = { email: "ada@example.com", id: ada, name: "ada", role: "owner" };
			const listed = await as("GET /spaces/team/members");
			expect(listed.json).toEqual({
				items: [own, { ...member, email: "grace@example.com" }].sort((a, b) => (a.id < b.id ? -1 : 1)),
				kind: "members",
			});
			const seen = await as("GET /spaces/team/members", undefined, { authorization: grace });
			expect(itemsOf(seen)).toEqual(itemsOf(listed).map(({ email: _, ...rest }) => rest));
			const { token } = await addToken(server, { scopes: ["tasks:read"] });
			const byToken = await as("GET /spaces/team/members", undefined, { authorization: `Bearer ${token}` });
			expect([byToken.status, byToken.text.includes("@")]).toEqual([200, false]);
			const changed = await as("POST /spaces/team/members", { email: "grace@example.com", role: "writer" });
			expect(changed.json).toMatchObject({ id, role: "writer" });
			const unknown = await as("POST /spaces/team/members", { email: "no@example.com", role: "reader" });
			expect([unknown.status, errorOf(unknown).type]).toEqual([404, "not_found"]);
			for (const body of [
				{},
				{ email: "grace@example.com" },
				{ email: "x", role: "king" },
				{ email: 1, role: "reader" },
			]) {
				expect((await as("POST /spaces/team/members", body)).status).toBe(422);
			}
			for (const [line, status] of [
				["GET /spaces/team/members?limit=1", 200],
				["GET /spaces/team/members?limit=0", 422],
				["GET /spaces/team/members?cursor=x", 422],
				[`DELETE /spaces/team/members/${newId()}`, 404],
				["DELETE /spaces/team/members/x", 404],
			] as const) {
				expect([line, (await as(line)).status]).toEqual([line, status]);
			}
			const page = await as("GET /spaces/team/members?limit=1");
			expect(page.headers.get("link")).toStartWith("</spaces/team/members?cursor=");
			const cursor = (page.json as Listed).next_cursor;
			expect(itemsOf(await as(`GET /spaces/team/members?cursor=${cursor}`))).toEqual(
				itemsOf(await as("GET /spaces/team/members")).slice(1),
			);
			expect((await as(`GET /spaces/default/members?cursor=${cursor}`)).status).toBe(422);
			expect((await as(`DELETE /spaces/team/members/${ada}`)).status).toBe(409);
			const reduced = await as("POST /spaces/team/members", { email: "ada@example.com", role: "writer" });
			expect([reduced.status, errorOf(reduced).type]).toEqual([409, "conflict"]);
			const byGrace = { authorization: grace };
			expect((await as(`DELETE /spaces/team/members/${ada}`, undefined, byGrace)).status).toBe(403);
			const left = await as(`DELETE /spaces/team/members/${id}`, undefined, byGrace);
			expect([left.status, left.text]).toEqual([204, ""]);
			expect((await as("GET /spaces/team", undefined, byGrace)).status).toBe(404);
			expect((await as(`DELETE /spaces/team/members/${id}`)).status).toBe(404);
			await addMember(server, "grace@example.com", "writer", space);
			await usersOf(server.storage).remove("grace@example.com");
			expect(itemsOf(await as("GET /spaces/team/members"))).toEqual([own]);
		});

		test("every user is a member of default, and nobody leaves it", async () => {
			const before = itemsOf(await as("GET /spaces/default/members?limit=1000")).length;
			const mary = await addUser(server.storage, server.url, "mary@example.com");
			const id = await idOf(server, mary);
			const all = itemsOf(await as("GET /spaces/default/members?limit=1000"));
			expect(all).toHaveLength(before + 1);
			expect(all.at(-1)).toEqual({ email: "mary@example.com", id, name: "mary", role: "writer" });
			for (const authorization of [server.bearer, mary]) {
				const refused = await as(`DELETE /spaces/default/members/${id}`, undefined, { authorization });
				expect([refused.status, errorOf(refused).type]).toEqual([409, "conflict"]);
			}
			expect((await as(`DELETE /spaces/default/members/${newId()}`)).status).toBe(404);
			expect(
				(await as("POST /spaces/default/members", { email: "mary@example.com", role: "reader" })).status,
			).toBe(200);
			const asMary = (line: Line, body?: unknown) => as(line, body, { authorization: mary });
			expect((await asMary("POST /collab/tasks", { title: "x" })).status).toBe(403);
			expect((await asMary("GET /jobs")).status).toBe(403);
		});

		test("with a token spaces can be read, and not changed", async () => {
			await addSpace(server, "read");
			const { token } = await addToken(server, { scopes: ["tasks:write", "jobs"] });
			for (const headers of [
				{ authorization: `Bearer ${token}` },
				{ authorization: "", "x-api-key": token },
			]) {
				for (const [line, status] of [
					["GET /spaces", 200],
					["GET /spaces/read", 200],
					["GET /spaces/read/members", 200],
					["POST /spaces", 403],
					["PATCH /spaces/read", 403],
					["DELETE /spaces/read", 403],
					["POST /spaces/read/members", 403],
					[`DELETE /spaces/read/members/${newId()}`, 403],
				] as const) {
					const body = /^(POST|PATCH)/.test(line) ? {} : undefined;
					expect([line, (await as(line, body, { ...headers, "if-match": "*" })).status]).toEqual([
						line,
						status,
					]);
				}
			}
		});

		test("nothing of all this appended an event", async () => {
			expect((await server.storage.events.range()).rev).toBe(revAtStart);
		});

		test("a maker has 100 living spaces, and of two that race for the last one gets it", async () => {
			const authorization = await addUser(server.storage, server.url, "many@example.com");
			const make = (name: string) => as("POST /spaces", { name }, { authorization });
			const made = await Promise.all(Array.from({ length: 99 }, (_, index) => make(`many-${index}`)));
			expect(made.every(({ status }) => status === 200)).toBe(true);
			const raced = await Promise.all([make("many-a"), make("many-b")]);
			expect(raced.map(({ status }) => status).sort()).toEqual([200, 409]);
			const refused = await make("many-more");
			expect([refused.status, errorOf(refused).type]).toEqual([409, "conflict"]);
			const gone = await as("DELETE /spaces/many-0", undefined, { authorization, "if-match": "*" });
			expect(gone.status).toBe(204);
			expect((await make("many-more")).status).toBe(200);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	describe(`members on ${name}, with two servers`, async () => {
		const url = await newUrl();
		const [one, two] = [await startServer({ DATABASE_URL: url }), await startServer({ DATABASE_URL: url })];

		test("of the last two owners who leave at once, one stays", async () => {
			for (let round = 0; round < 5; round++) {
				const space = await addSpace(one, `left-${round}`);
				const grace = await addMember(one, "grace@example.com", "owner", space);
				const ids = [await idOf(one), await idOf(two, grace)];
				const path = `/spaces/left-${round}/members` as const;
				const left = await Promise.all([
					ask(one, `DELETE ${path}/${ids[0]}`, { headers: { authorization: one.bearer } }),
					ask(two, `DELETE ${path}/${ids[1]}`, { headers: { authorization: grace } }),
				]);
				expect(left.map(({ status }) => status).sort()).toEqual([204, 409]);
				const kept = left[0]?.status === 409 ? one.bearer : grace;
				const members = itemsOf(await ask(two, `GET ${path}`, { headers: { authorization: kept } }));
				expect(members.map(({ role }) => role)).toEqual(["owner"]);
			}
		});

		test("a role that the one server takes is gone on the other at once", async () => {
			const space = await addSpace(one, "shared");
			const grace = await addMember(one, "grace@example.com", "writer", space);
			const create = () =>
				ask(two, "POST /spaces/shared/collab/tasks", {
					headers: { authorization: grace },
					body: { title: "x" },
				});
			expect((await create()).status).toBe(200);
			await addMember(one, "grace@example.com", "reader", space);
			expect((await create()).status).toBe(403);
			const line = `DELETE /spaces/shared/members/${await idOf(one, grace)}` as const;
			expect((await ask(one, line, { headers: { authorization: one.bearer } })).status).toBe(204);
			expect((await create()).status).toBe(404);
		});

		test("the 1,001st member is 409, while members can still change", async () => {
			const space = await addSpace(one, "full");
			const rows = Array.from({ length: 998 }, () => `(${space}, '${newId()}', 'reader')`).join(", ");
			await runSql(url, `INSERT INTO members (space, user_id, role) VALUES ${rows}`);
			const add = async (email: string, role = "reader") => {
				await addUser(one.storage, one.url, email);
				const headers = { authorization: one.bearer };
				return (await ask(one, "POST /spaces/full/members", { headers, body: { email, role } })).status;
			};
			expect(await add("last@example.com")).toBe(200);
			expect(await add("beyond@example.com")).toBe(409);
			expect(await add("last@example.com", "writer")).toBe(200);
		});
	});
}
