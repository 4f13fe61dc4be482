// Package aftercommit runs invalidations once the transaction that made them necessary has committed.
//
// An invalidation inside the transaction comes too early: a reader that misses before the commit stores the old
// record again, and it stays for its TTL. Where all keys are known beforehand, cachet.Cache.UpdateMany around the
// transaction is the simplest, and may have a fence. This package is for those that become known on the way, in code
// that is handed the transaction.
package aftercommit

import (
	"context"
	"errors"
	"time"
)

// Committer is what ends a transaction. *sql.Tx is one, and so is what gorm has as its ConnPool in a transaction; one
// of pgx takes a context, which two lines put away, as the example in examples/transactions shows.
type Committer interface {
	Commit() error
	Rollback() error
}

// Tx is a transaction and the invalidations to be made after it. Like a transaction, it is for one goroutine at a
// time. A process that is killed between the commit and the end of Commit invalidates nothing; a durable scheduler
// or an outbox is for that.
type Tx struct {
	tx      Committer
	pending []func(context.Context) error
}

// invalidateTimeout bounds the invalidations together.
const invalidateTimeout = 10 * time.Second

// New returns a Tx that ends tx. From then on tx must not be committed otherwise.
func New(tx Committer) *Tx { return &Tx{tx: tx} }

// Add has invalidate run after the commit, in the order of the calls. It usually calls cachet.Cache.Invalidate, best
// with several keys at once. Its context has the values of that of Commit, does not end with it, and has 10 s from
// the commit on for all invalidations together.
func (t *Tx) Add(invalidate func(context.Context) error) {
	t.pending = append(t.pending, invalidate)
}

// Savepoint is a point in a transaction that can be returned to.
type Savepoint struct{ pending int }

// Savepoint marks what was added until now. Call it with SAVEPOINT. RELEASE needs no call.
func (t *Tx) Savepoint() Savepoint { return Savepoint{pending: len(t.pending)} }

// RollbackTo drops what was added since s, also what came after later savepoints. Call it after ROLLBACK TO SAVEPOINT
// has succeeded; like there, s stays.
func (t *Tx) RollbackTo(s Savepoint) {
	if s.pending < len(t.pending) {
		t.pending = t.pending[:s.pending]
	}
}

// Commit commits and then invalidates, each thing once. It invalidates also if the commit fails or panics, for its
// answer may have been lost on the way, and a needless invalidation costs a load.
//
// It returns the error of the commit as it is, those of the invalidations, or all joined. With those of cachet alone,
// which are of type *cachet.InvalidationError, the transaction has been committed and the invalidations are being
// repeated.
func (t *Tx) Commit(ctx context.Context) (err error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
		defer cancel()
		if ierr := t.invalidate(ctx); ierr != nil {
			err = errors.Join(err, ierr)
		}
	}()
	return t.tx.Commit()
}

// invalidate runs what is pending. If one panics, the others are run all the same.
func (t *Tx) invalidate(ctx context.Context) (err error) {
	if len(t.pending) == 0 {
		return nil
	}
	first := t.pending[0]
	t.pending = t.pending[1:]
	defer func() {
		if rest := t.invalidate(ctx); rest != nil {
			err = errors.Join(err, rest)
		}
	}()
	return first(ctx)
}

// Rollback rolls back and invalidates nothing. After Commit it has nothing left to do but to ask the transaction, which
// will say that it is over, as *sql.Tx does: it may be deferred.
func (t *Tx) Rollback() error {
	t.pending = nil
	return t.tx.Rollback()
}
