import { eq } from "drizzle-orm";
import type { SettingStore } from "../storage.ts";
import type { Db } from "./connection.ts";
import { runQuery } from "./errors.ts";
import { settings } from "./schema.ts";

export function settingStore(db: Db): SettingStore {
	const find = async (name: string) =>
		(await runQuery(() => db.select().from(settings).where(eq(settings.name, name))))[0]?.value;
	return {
		async getOrMake(name, make) {
			const kept = await find(name);
			if (kept !== undefined) return kept;
			const value = make();
			await runQuery(() => db.insert(settings).values({ name, value }).onConflictDoNothing());
			return (await find(name)) ?? value;
		},
	};
}
