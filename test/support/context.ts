import type { ChangeContext } from "../../src/kernel/change-context.ts";

/** Where a change comes from, in tests that ask nothing about it. */
export const systemContext: ChangeContext = { actor: "system", requestId: "r", space: 1 };
