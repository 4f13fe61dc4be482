// Package demo is what the examples of locks have in common: a Redis, a database in SQLite, and a verdict.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	_ "modernc.org/sqlite" // the database
)

// World is what an example runs in.
type World struct {
	Redis     string // address
	Prefix    string // of keys in Redis, which no other run has
	Path      string // of the database
	Client    *redis.Client
	DB        *sql.DB
	processes []*exec.Cmd
	wrong     []string
}

// limit is how long an example may take.
const limit = time.Minute

var address = flag.String("redis", "", "`address` of a Redis; without it, redis-server is started")

// Main runs an example and exits with 1 if something was wrong.
func Main(schema string, run func(ctx context.Context, w *World) error) {
	flag.Parse()
	os.Exit(execute(schema, run))
}

func execute(schema string, run func(ctx context.Context, w *World) error) int {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir, err := os.MkdirTemp("", "cachet-locks-")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory for temporary files
	w := &World{Redis: *address, Prefix: fmt.Sprintf("demo-%08x:", rand.Uint32()), Path: filepath.Join(dir, "shop.db")}
	defer w.close()
	if err := w.open(ctx, schema); err != nil {
		return complain(err)
	}
	if err := run(ctx, w); err != nil {
		return complain(err)
	}
	for _, what := range w.wrong {
		fmt.Println("WRONG:", what)
	}
	if len(w.wrong) > 0 {
		return 1
	}
	fmt.Println("OK")
	return 0
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func (w *World) open(ctx context.Context, schema string) (err error) {
	if w.Redis == "" {
		if err := w.startRedis(ctx); err != nil {
			return err
		}
	}
	w.Client = redis.NewClient(&redis.Options{Addr: w.Redis})
	if err := w.Client.Ping(ctx).Err(); err != nil {
		return err
	}
	if w.DB, err = OpenDB(w.Path); err != nil {
		return err
	}
	_, err = w.DB.ExecContext(ctx, schema)
	return err
}

// OpenDB opens the database, in any process.
func OpenDB(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer at a time
	return db, nil
}

// startRedis starts a server that keeps nothing on disk.
func (w *World) startRedis(ctx context.Context) error {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.Redis = ln.Addr().String()
	host, port, _ := net.SplitHostPort(w.Redis)
	if err := ln.Close(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
	if err := w.Start(cmd); err != nil {
		return fmt.Errorf("start redis-server (or name one with -redis): %w", err)
	}
	dialer := net.Dialer{Timeout: time.Second}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", w.Redis)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// Start starts a process that ends with the example.
func (w *World) Start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	w.processes = append(w.processes, cmd)
	return nil
}

func (w *World) close() {
	if w.DB != nil {
		_ = w.DB.Close()
	}
	if w.Client != nil {
		_ = w.Client.Close()
	}
	for _, cmd := range w.processes {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
}

// Int returns the one number that a query has.
func (w *World) Int(ctx context.Context, query string, args ...any) int {
	var n int
	if err := w.DB.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		w.Checkf(false, "%s: %v", query, err)
	}
	return n
}

// Checkf notes what is wrong, unless ok.
func (w *World) Checkf(ok bool, format string, args ...any) {
	if !ok {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}
