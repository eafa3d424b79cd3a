CREATE TABLE `comment_removals` (
	`task` text PRIMARY KEY NOT NULL,
	`space` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `comments` (
	`seq` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`space` integer NOT NULL,
	`task` text NOT NULL,
	`body` text NOT NULL,
	`created_by` text NOT NULL,
	`user_id` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `comments_id_unique` ON `comments` (`id`);--> statement-breakpoint
CREATE INDEX `comments_of_task` ON `comments` (`task`,`seq`);--> statement-breakpoint
CREATE INDEX `comments_in_space` ON `comments` (`space`) WHERE space <> 1;