// Package sqllock gives the locks of package lock by a database that the program has anyway, through database/sql with
// whatever driver.
//
// [Advisory] is for PostgreSQL 14 or later. A lock is an advisory lock of a session, those who wait are queued and
// woken by the server, and nothing is left in a table. The server ends a session that has sent nothing for [lock.TTL],
// so that a holder that has vanished or stands still is replaced, which an advisory lock alone does not see to. A
// connection that breaks is a lock that is lost. Each lock that is held or waited for occupies a connection: give it a
// pool of its own, and never a pooler that shares sessions between clients, such as PgBouncer in transaction mode.
//
// [Table] is for MySQL 8, MariaDB 10.5 and SQLite 3.35 or later. A lock is a row under a unique key with the time at
// which its lease ends by the database's clock, and those who wait look again every quarter of a second at the latest.
//
// Fences survive a restart of the database, as commits do. A failover to a replica that had not received the last of
// them hands them out twice: replicate synchronously, or keep the fence with what it guards in the same database.
package sqllock
