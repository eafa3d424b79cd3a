import { describe, expect, test } from "bun:test";
import { sha256 } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer, testApiKey } from "../support/server.ts";
import { addToken, bearer, expectRefused, idOf, inKey } from "../support/tokens.ts";
import { addUser, usersOf } from "../support/users.ts";

const privately = "Origin, Authorization, X-API-Key";

for (const { name, newUrl } of everyDatabase) {
	describe(`the names of actors on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const jwt = { authorization: server.bearer };
		const get = (path: string, headers: Readonly<Record<string, string>> = jwt) =>
			ask(server, `GET /auth/actors${path as `/${string}`}`, { headers });
		const fingerprint = sha256(testApiKey).slice(0, 12);

		test("are those of today for users, tokens and keys, and stay after a removal", async () => {
			const email = "gone@example.com";
			const other = await addUser(server.storage, server.url, email);
			const gone = await idOf(server, other);
			const [ada, mine] = [await idOf(server), await addToken(server, { name: "mine" })];
			const [kept, ended] = [
				await addToken(server, { name: "kept" }, other),
				await addToken(server, { name: "ended" }, other),
			];
			await ask(server, `DELETE /auth/tokens/${ended.id}`, { headers: { authorization: other } });
			await ask(server, "PATCH /auth/me", { headers: { authorization: other }, body: { name: "Grace" } });
			const named = {
				[`user/${ada}`]: `{"id":"${ada}","kind":"user","name":"ada","removed":false}`,
				[`token/${mine.id}`]: `{"id":"${mine.id}","kind":"token","name":"mine","removed":false,"user":"${ada}"}`,
				[`user/${gone}`]: `{"id":"${gone}","kind":"user","name":"Grace","removed":false}`,
				[`token/${kept.id}`]: `{"id":"${kept.id}","kind":"token","name":"kept","removed":false,"user":"${gone}"}`,
				[`token/${ended.id}`]: `{"id":"${ended.id}","kind":"token","name":"ended","removed":true,"user":"${gone}"}`,
				[`key/${fingerprint}`]: `{"id":"${fingerprint}","kind":"key","name":"API key ${fingerprint}","removed":false}`,
			};
			async function expectNamed(headers: Readonly<Record<string, string>> = jwt) {
				for (const [actor, text] of Object.entries(named)) {
					const one = await get(`/${actor}`, headers);
					expect([actor, one.status, one.text]).toEqual([actor, 200, text]);
					expect(one.headers.get("cache-control")).toBe("private, max-age=300");
					expect(one.headers.get("vary")).toBe(privately);
				}
				const query = Object.keys(named).map((actor) => `actor=${actor}`);
				const all = await get(`?${query.join("&")}`, headers);
				expect([all.status, all.text]).toEqual([
					200,
					`{"items":[${Object.values(named).join(",")}],"kind":"actors"}`,
				]);
				expect(all.headers.get("cache-control")).toBe("private, max-age=300");
				expect(all.headers.get("vary")).toBe(privately);
				expect(all.text).not.toContain("@");
			}
			await expectNamed();
			await usersOf(server.storage).remove(email);
			for (const actor of [`user/${gone}`, `token/${kept.id}`]) {
				named[actor] = named[actor]?.replace('"removed":false', '"removed":true') ?? "";
			}
			await expectNamed();
			await expectNamed(bearer(mine));
			await expectNamed(inKey(mine));
		});

		test("of what never was are 404, and left out of a list, each of which has an actor once", async () => {
			const ada = await idOf(server);
			const token = await addToken(server);
			const none = [
				`user/${newId()}`,
				`token/${newId()}`,
				`user/${token.id}`,
				`token/${ada}`,
				"key/000000000000",
				`key/${testApiKey}`,
				`key/${ada}`,
				`user/${fingerprint}`,
				`user/${ada.toUpperCase()}`,
				"user/x",
				"system/x",
				"robot/1",
			];
			for (const actor of none) {
				const answer = await get(`/${actor}`);
				expect([actor, answer.status, errorOf(answer).type]).toEqual([actor, 404, "not_found"]);
			}
			const list = async (actors: readonly string[]) => {
				const answer = await get(`?${actors.map((actor) => `actor=${encodeURIComponent(actor)}`).join("&")}`);
				return [answer.status, (answer.json as { items: { id: string }[] }).items?.map(({ id }) => id)];
			};
			const odd = [
				"system",
				"",
				"user/",
				"/",
				`user/${ada}/x`,
				`user/${ada}\n`,
				`user//${ada}`,
				"😀".repeat(100),
			];
			expect(await list([...none, ...odd])).toEqual([200, []]);
			expect(await list([`token/${token.id}`, ...odd, `user/${ada}`, `token/${token.id}`])).toEqual([
				200,
				[token.id, ada],
			]);
			expect(await list([`user/${ada}`])).toEqual([200, [ada]]);
			expect(await list(Array.from({ length: 100 }, () => `user/${ada}`))).toEqual([200, [ada]]);
		});

		test("are asked for 1 to 100 at a time, with a login", async () => {
			const many = Array.from({ length: 101 }, (_, index) => `actor=user/${index}`).join("&");
			for (const [query, paths] of [
				["", ["/actor"]],
				[`?${many}`, ["/actor"]],
				[`?actor=user/x&actor=${"x".repeat(101)}`, ["/actor/1"]],
				["?actor=a%00", ["/actor/0"]],
				["?actor=user/x&actors=user/x", ["/actors"]],
			] as const) {
				const answer = await get(query);
				expect([query, answer.status, errorOf(answer).details?.map(({ path }) => path)]).toEqual([
					query,
					422,
					[...paths],
				] as never);
			}
			for (const path of ["", "?actor=system", `/user/${newId()}`]) {
				for (const headers of [{}, { authorization: "Bearer x" }, { "x-api-key": testApiKey }]) {
					expectRefused(await get(path, headers), 401);
				}
				expectRefused(await get(path, { "x-api-key": "orc_x" }), 403);
			}
		});
	});
}
