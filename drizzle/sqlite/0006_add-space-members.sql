CREATE TABLE `members` (
	`space` integer NOT NULL,
	`user_id` text NOT NULL,
	`role` text NOT NULL,
	PRIMARY KEY(`space`, `user_id`)
);
--> statement-breakpoint
CREATE INDEX `members_by_user` ON `members` (`user_id`,`space`);--> statement-breakpoint
CREATE TABLE `spaces` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`title` text NOT NULL,
	`version` integer NOT NULL,
	`made_by` text,
	`rev` integer NOT NULL,
	`created_at` integer NOT NULL,
	`deleted_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `spaces_name` ON `spaces` (`name`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `spaces_made_by` ON `spaces` (`made_by`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `spaces_deleted` ON `spaces` (`deleted_at`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_in_space` ON `events` (`space`,`id`) WHERE space <> 1;--> statement-breakpoint
INSERT INTO spaces (id, name, title, version, made_by, rev, created_at, deleted_at)
	SELECT 1, 'default', '', 1, NULL, 0, coalesce(min(created_at), CAST(round(unixepoch('subsec') * 1000) AS INTEGER)), NULL FROM users;--> statement-breakpoint
INSERT INTO members (space, user_id, role) SELECT 1, id, 'owner' FROM users ORDER BY created_at, id LIMIT 1;
