/** Makes the next id, passed in so that a test can predict it. */
export type NewId = () => string;

/** UUIDv7, lower case (RFC 9562 §5.7): rises with time, so an index on it is appended to. */
export const newId: NewId = () => Bun.randomUUIDv7();

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text can be an id at all; what cannot is "not found" without a look into the database. */
export function isId(text: string): boolean {
	return uuid.test(text);
}
