import { defineConfig } from "drizzle-kit";

/** One configuration for both dialects: `DIALECT=sqlite|postgres drizzle-kit generate` (see `bun run db-generate`). */
const dialect = process.env.DIALECT === "postgres" ? "postgres" : "sqlite";

export default defineConfig({
	dialect: dialect === "postgres" ? "postgresql" : "sqlite",
	schema: `./src/storage/${dialect}/collections/*.ts`,
	out: `./drizzle/${dialect}`,
	breakpoints: true,
});
