import type { Clock } from "../kernel/clock.ts";
import { normalizeEmail } from "../kernel/credentials.ts";
import type { NewId } from "../kernel/ids.ts";
import type { User } from "./store.ts";

/** A user as it is first kept. */
export function newUser(email: string, passwordHash: string, newId: NewId, clock: Clock): User {
	return { id: newId(), email: normalizeEmail(email), passwordHash, tokenGeneration: 1, createdAt: clock() };
}
