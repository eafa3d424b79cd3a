/** Addresses are compared without regard to case. */
export function normalEmail(email: string): string {
	return email.trim().toLowerCase();
}

/** Whether a text can be an address at all; only mail itself can tell more. */
export function isEmail(text: string): boolean {
	return /^[^\s@]{1,64}@[^\s@]{1,189}$/.test(text);
}
