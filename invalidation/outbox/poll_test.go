package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation/outbox"
)

// empty is a database in which there is never an event. It notes when somebody looks.
type empty struct {
	looks []time.Time
	err   error
}

func (e *empty) Connect(context.Context) (driver.Conn, error) { return e, nil }
func (e *empty) Driver() driver.Driver                        { return nil }
func (*empty) Prepare(string) (driver.Stmt, error)            { return nil, errors.ErrUnsupported }
func (*empty) Begin() (driver.Tx, error)                      { return nil, errors.ErrUnsupported }
func (*empty) Close() error                                   { return nil }
func (*empty) Columns() []string                              { return []string{"seq", "attempts", "payload"} }
func (*empty) Next([]driver.Value) error                      { return io.EOF }

func (e *empty) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	e.looks = append(e.looks, time.Now())
	return e, e.err
}

// watch runs a relay on e for d, in a bubble of synctest.
func watch(t *testing.T, e *empty, d time.Duration, box *outbox.Box) {
	t.Helper()
	db := sql.OpenDB(e)
	defer func() { require.NoError(t, db.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, box.Relay(ctx, db, nobody{}))
}

func TestAnIdleTableIsLookedAtOnceASecondAndAtOnceWhenKicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		kick := began.Add(9500 * time.Millisecond)
		e := &empty{}
		box := outbox.New(outbox.SQLite)
		time.AfterFunc(time.Until(kick), box.Kick)
		watch(t, e, 12*time.Second, box)
		var gaps []time.Duration
		kicked := -1
		for i, look := range e.looks[1:] {
			gaps = append(gaps, look.Sub(e.looks[i]))
			if look.Equal(kick) {
				kicked = i
			}
		}
		require.Equal(t, 20*time.Millisecond, gaps[0])
		require.Equal(t, 40*time.Millisecond, gaps[1])
		require.Positive(t, kicked, "it looks when it is kicked")
		require.Equal(t, time.Second, gaps[kicked-1])
		require.Equal(t, 20*time.Millisecond, gaps[kicked+1], "more may come")
	})
}

func TestADatabaseThatIsDownIsAskedEverMoreSeldomAndReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		e := &empty{err: down}
		var told []error
		box := outbox.New(outbox.SQLite)
		box.Error = func(_ context.Context, err error) { told = append(told, err) }
		watch(t, e, time.Minute, box)
		require.Len(t, told, 1)
		require.ErrorIs(t, told[0], down)
		require.Greater(t, len(e.looks), 40)
		require.Less(t, len(e.looks), 150)
	})
}
