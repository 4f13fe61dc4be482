package sqltest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/cachet-go/cachet/internal/proctest"
)

// Postgres starts a PostgreSQL server, which takes about two seconds. settings are parameters of its configuration,
// such as wal_level=logical.
func Postgres(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	return startPostgres(tb, &postgres{settings: settings})
}

func startPostgres(tb testing.TB, p *postgres) *Server {
	tb.Helper()
	initdb, err := proctest.Program("initdb", "/usr/lib/postgresql/*/bin")
	if err != nil {
		proctest.Missing(tb, fmt.Errorf("sqltest: %w", err))
	}
	p.bin = filepath.Dir(initdb)
	if p.owner, err = owner(); err != nil {
		tb.Fatalf("sqltest: %v", err)
	}
	return start(tb, p, &Server{User: "cachet", Password: "cachet", Database: "postgres"})
}

type postgres struct {
	bin      string
	owner    *syscall.Credential // nil for whoever runs the test
	primary  *Server             // nil unless it is a replica
	settings []string
}

// owner returns who runs the server if we must not: it refuses to run as root.
func owner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else
	}
	var errs error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errs
}

func (p *postgres) program(s *Server, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...) //nolint:gosec,noctx // ours, and ended by a signal
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	return cmd
}

// connection returns the options by which every client finds the server.
func connection(s *Server) []string {
	return []string{"-h", s.Host, "-p", s.Port, "-U", s.User}
}

func (p *postgres) prepare(s *Server) error {
	if p.owner != nil {
		if err := os.Chown(s.dir, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
			return err
		}
	}
	if p.primary != nil {
		return output(p.program(s, "pg_basebackup", append(connection(p.primary),
			"-D", "data", "-X", "stream", "-c", "fast", "--write-recovery-conf", "--no-sync")...))
	}
	return output(p.program(s, "initdb", "-D", "data", "-U", s.User, "--auth=trust", "--encoding=UTF8", "--locale=C",
		"--no-sync", "--no-instructions"))
}

func (p *postgres) command(s *Server) *exec.Cmd {
	args := []string{"-D", "data", "-h", s.Host, "-p", s.Port}
	for _, setting := range append([]string{
		"unix_socket_directories=", // Debian's directory is not ours to write to
		"fsync=off", "shared_buffers=32MB",
	}, p.settings...) {
		args = append(args, "-c", setting)
	}
	return p.program(s, "postgres", args...)
}

func (p *postgres) ping(s *Server) *exec.Cmd {
	return p.program(s, "pg_isready", append(connection(s), "-d", s.Database)...)
}

func (p *postgres) client(s *Server) *exec.Cmd {
	return p.program(s, "psql", append(connection(s), "-d", s.Database, "--no-psqlrc", "--quiet", "--tuples-only",
		"--no-align", "--field-separator=\t", "--set=ON_ERROR_STOP=1")...)
}

func (*postgres) dsn(s *Server) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(s.User, s.Password),
		Host: net.JoinHostPort(s.Host, s.Port), Path: s.Database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (*postgres) stop() syscall.Signal { return syscall.SIGINT }

// discard is no SIGKILL, after which a segment of shared memory would stay.
func (*postgres) discard() syscall.Signal { return syscall.SIGQUIT }
