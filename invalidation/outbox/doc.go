// Package outbox puts events into a table of the writer's own database, within the writer's own transaction, and
// publishes them from there. An event exists if and only if the write does that it tells of: a process that dies
// between its commit and its delete, or a queue that is down, loses nothing.
//
//	tx, err := db.BeginTx(ctx, nil)
//	… write …
//	err = box.Add(ctx, tx, users.Event(id))
//	err = tx.Commit()
//	box.Kick()
//
// Every process runs [Box.Relay]. The relays of all processes elect one, which publishes what is in the table and
// deletes it. If its process dies another takes over within about two seconds, in SQLite four.
//
// # What is promised
//
// An event that was added is published at least once if its transaction commits, and never if it does not. Events about
// one first key are published in the order in which they were added, if each is added after the write to its record:
// then the lock on the record puts the transactions into order. Two things break that order, which does no harm to
// deletes: an event that the publisher refuses while it takes others is set aside, and comes later than those after
// it; and a relay that was frozen while another took over may publish once more what it had in hand.
//
// While the publisher is down, events pile up in the table and writers notice nothing. The relay holds no lock and no
// transaction while it publishes.
//
// Not promised: exactly once, an order across keys, or a bound on the delay.
//
// # The databases
//
// The election is an advisory lock in PostgreSQL and GET_LOCK in MySQL and MariaDB, on a connection that the relay
// keeps to itself and works on, so that who loses the lock can delete nothing either. It must be a connection of its
// own: a pooler that hands connections out per transaction, or a cluster with several writable servers, lets several
// relays be elected, and events are published more often than need be. A process that is frozen, or cut off from its
// database, is given up by the server after 30 s (idle_session_timeout, of PostgreSQL 14; wait_timeout). SQLite has no
// such lock: there the relays take turns by a lease of two seconds in a table.
//
// The table is what the outbox event router of Debezium expects: it can take the place of the relay.
package outbox
