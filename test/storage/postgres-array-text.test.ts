import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { arrayText, joinedJson, jsonTexts } from "../../src/storage/postgres/array-text.ts";
import { openPool } from "../support/pool.ts";
import { newPostgresDatabase, postgresUrl } from "../support/postgres.ts";

const server = await postgresUrl();

describe.if(server !== undefined)("values in one text", () => {
	const opened = newPostgresDatabase(server ?? "").then((url) => openPool(url));
	/** What Postgres does not take in a text. */
	const isStorable = (text: string) => !text.includes("\0") && text.isWellFormed();

	test("are what they were when Postgres reads them as an array, whatever their characters", async () => {
		const pool = await opened;
		const texts = fc.string({ unit: "binary", maxLength: 20 }).filter(isStorable);
		const odd = ["", "NULL", "null", '"', "\\", '\\"', "{a,b}", " a ", "\u001f", "\n", "é€😀"];
		const value = fc.oneof(texts, fc.constantFrom(...odd), fc.constant(null));
		await fc.assert(
			fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 20 }), async (values) => {
				const rows = await pool.sql`SELECT found FROM unnest(${arrayText(values)}::text[]) AS found`;
				expect(rows.map(({ found }) => found)).toEqual(values);
			}),
			{ examples: [[odd], [[null]], [[""]]] },
		);
		const numbers = [0, -1, 2 ** 53 - 1, null];
		const rows = await pool.sql`SELECT found FROM unnest(${arrayText(numbers)}::bigint[]) AS found`;
		expect(rows.map(({ found }) => found)).toEqual(numbers);
	});

	test("are what they were when Postgres parts JSON, whatever the strings in it", async () => {
		const pool = await opened;
		const json = fc.string({ unit: "binary", maxLength: 20 }).map((text) => JSON.stringify({ text }));
		await fc.assert(
			fc.asyncProperty(fc.array(json, { minLength: 1, maxLength: 20 }), async (texts) => {
				const [row] = await pool.sql.unsafe(`SELECT ${jsonTexts("$1")} AS found`, [joinedJson(texts)]);
				expect(row?.found).toEqual(texts);
			}),
			{ examples: [[["{}", "[]"]], [[JSON.stringify("\u001f,\\")]]] },
		);
	});
});
