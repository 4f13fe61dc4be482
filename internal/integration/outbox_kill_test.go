package integration_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

var (
	outboxKills = flag.Int("outbox.kills", 2, "how many relays are killed")
	outboxLong  = flag.Bool("outbox.long", false, "wait for time-outs, of half a minute")
)

const outboxEnv = "CACHET_OUTBOX_PROCESS"

// TestOutboxProcess is a relay in a process of its own.
func TestOutboxProcess(t *testing.T) {
	spec := strings.Split(os.Getenv(outboxEnv), "\n")
	if len(spec) != 4 {
		t.Skip("not by itself")
	}
	dialect, err := strconv.Atoi(spec[0])
	require.NoError(t, err)
	db, err := sql.Open(spec[1], spec[2])
	require.NoError(t, err)
	out, err := os.OpenFile(spec[3], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	b := outbox.New(outbox.Dialect(dialect))
	b.Error = func(_ context.Context, err error) {
		_, _ = fmt.Fprintf(out, "error %d %q\n", os.Getpid(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test that started it has gone
		cancel()
	}()
	require.NoError(t, b.Relay(ctx, db, file{out}))
}

// file is a Publisher that writes where a SIGKILL does not reach. It takes some time, for kills to come in between.
type file struct{ *os.File }

func (f file) Publish(_ context.Context, events ...invalidation.Event) error {
	var lines strings.Builder
	for _, e := range events {
		fmt.Fprintf(&lines, "event %d %s\n", os.Getpid(), e.ID)
	}
	time.Sleep(rand.N(5 * time.Millisecond))
	_, err := io.WriteString(f.File, lines.String())
	time.Sleep(rand.N(5 * time.Millisecond))
	return err
}

// process starts a relay that writes to path.
func (d *database) process(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOutboxProcess$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d\n%s\n%s\n%s", outboxEnv, d.dialect, d.driver, d.dsn, path))
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	return cmd
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// line is what a process wrote.
type line struct {
	kind, text string
	pid        int
}

func lines(t *testing.T, path string) (list []line) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for text := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSuffix(text, "\n"), " ", 3)
		pid, err := strconv.Atoi(parts[1])
		require.NoError(t, err)
		list = append(list, line{parts[0], parts[2], pid})
	}
	return list
}

func emptyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "published")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

// state is the version of a record that an event tells of.
type state struct{ record, version int }

// writers write to the records, and roll back a fifth of what they do.
type writers struct {
	*database
	box *outbox.Box

	mu               sync.Mutex
	committed, never map[string]state // by the id of the event
}

func (w *writers) write(ctx context.Context) error {
	tx, err := w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	s := state{record: rand.IntN(records)}
	update := fmt.Sprintf(`UPDATE record SET version = version + 1 WHERE id = %d`, s.record)
	if _, err := tx.ExecContext(ctx, update); err != nil {
		return err
	}
	query := fmt.Sprintf(`SELECT version FROM record WHERE id = %d`, s.record)
	if err := tx.QueryRowContext(ctx, query).Scan(&s.version); err != nil {
		return err
	}
	e := invalidation.NewEvent("test", fmt.Sprint("record:", s.record))
	if err := w.box.Add(ctx, tx, e); err != nil {
		return err
	}
	into := w.committed
	if rand.IntN(5) == 0 {
		into = w.never
		err = tx.Rollback()
	} else {
		err = tx.Commit()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	into[e.ID] = s
	return err
}

func killed(t *testing.T, e *engine) {
	d := e.database(t)
	path := emptyFile(t)
	processes := map[int]*exec.Cmd{}
	start := func() {
		cmd := d.process(t, path)
		processes[cmd.Process.Pid] = cmd
	}
	start()
	start()

	w := &writers{database: d, box: outbox.New(e.dialect), committed: map[string]state{}, never: map[string]state{}}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(rand.N(4 * time.Millisecond)):
				}
				if err := w.write(context.Background()); err != nil {
					t.Errorf("a writer fails: %v", err)
					return
				}
			}
		})
	}
	var longest time.Duration // from a kill until the relay that waited publishes
	victims := map[int]bool{}
	for i := range *outboxKills + 1 {
		began, leader := time.Now(), 0
		eventually(t, func() bool {
			for _, l := range lines(t, path) {
				if l.kind == "event" && !victims[l.pid] {
					leader = l.pid
				}
			}
			return leader != 0
		}, "somebody publishes")
		if i > 0 {
			longest = max(longest, time.Since(began))
			start()
		}
		if i < *outboxKills {
			time.Sleep(rand.N(300 * time.Millisecond))
			end(processes[leader])
			victims[leader] = true
		}
	}
	close(done)
	group.Wait()
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "the table is drained")

	seen := map[string]bool{}
	last := map[int]int{}
	total := 0
	for _, l := range lines(t, path) {
		if l.kind == "error" {
			t.Log(l.text)
			require.NotContains(t, strings.ToLower(l.text), "deadlock")
			continue
		}
		total++
		if seen[l.text] {
			continue
		}
		seen[l.text] = true
		require.NotContains(t, w.never, l.text, "it was rolled back")
		s, ok := w.committed[l.text]
		require.True(t, ok)
		require.Greater(t, s.version, last[s.record], "in the order of the record")
		last[s.record] = s.version
	}
	for id := range w.committed {
		require.True(t, seen[id], "%s is lost", id)
	}
	require.Zero(t, d.deadlocks(t))
	t.Logf("%d kills: %d committed, %d rolled back, %d published, at most %v without a relay",
		*outboxKills, len(w.committed), len(w.never), total, longest)
}

// deadlocks returns how many the server has seen.
func (d *database) deadlocks(t *testing.T) (n int) {
	t.Helper()
	query := map[outbox.Dialect]string{
		outbox.Postgres: `SELECT sum(deadlocks) FROM pg_stat_database`,
		outbox.MySQL: `SELECT variable_value FROM information_schema.global_status
			WHERE variable_name = 'innodb_deadlocks'`,
		outbox.SQLite: `SELECT 0`,
	}[d.dialect]
	require.NoError(t, d.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

func frozen(t *testing.T, e *engine) {
	if !*outboxLong {
		t.Skip("-outbox.long is not set")
	}
	d, path := e.database(t), emptyFile(t)
	leader := d.process(t, path)
	d.add(t, outbox.New(e.dialect), events("a")...)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "it leads")
	require.NoError(t, leader.Process.Signal(syscall.SIGSTOP))
	began := time.Now()
	r := &recorder{}
	d.relay(t, d.box(t), r)
	d.add(t, outbox.New(e.dialect), events("b")...)
	d.published(t, r, "b")
	t.Logf("replaced after %v", time.Since(began))
	require.NoError(t, leader.Process.Signal(syscall.SIGCONT))
	d.add(t, outbox.New(e.dialect), events("c")...)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "one of them leads")
}
