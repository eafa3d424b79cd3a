import { eq } from "drizzle-orm";
import type { SettingStore } from "../storage.ts";
import type { Writer } from "../writer.ts";
import type { Db } from "./connection.ts";
import { settings } from "./schema.ts";

export function settingStore(writer: Writer, db: Db): SettingStore {
	const find = (name: string) => db.select().from(settings).where(eq(settings.name, name)).get()?.value;
	return {
		async getOrMake(name, make) {
			const kept = find(name);
			if (kept !== undefined) return kept;
			const value = make();
			return writer.run({
				needs: {},
				apply() {
					db.insert(settings).values({ name, value }).onConflictDoNothing().run();
					return find(name) ?? value;
				},
			});
		},
	};
}
