import { expect, test } from "bun:test";
import { postgresUrl } from "../support/postgres.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { runSql } from "../support/sql.ts";
import { onEnd } from "../support/teardown.ts";

const server = await postgresUrl();

test.if(server !== undefined).each(["LATIN1", "SQL_ASCII"])(
	"a Postgres database in %s is refused with one sentence, and stays empty",
	async (encoding) => {
		const admin = server ?? "";
		const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
		await runSql(
			admin,
			`CREATE DATABASE ${name} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
		);
		onEnd(() => runSql(admin, `DROP DATABASE ${name} WITH (FORCE)`));
		const url = new URL(admin);
		url.pathname = `/${name}`;
		for (const command of ["serve", "migrate"]) {
			expect(await runProgram([...fromSource, command], { DATABASE_URL: url.href })).toEqual({
				code: 1,
				stdout: "",
				stderr: `orchestrator: The database has the encoding ${encoding}, and this program stores text in UTF8: create another database with ENCODING 'UTF8' TEMPLATE template0.\n`,
			});
		}
		expect(
			await runSql(url.href, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
		).toEqual([]);
	},
	60_000,
);
