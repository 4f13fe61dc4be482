package sqltest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cachet-go/cachet/internal/proctest"
)

// MariaDB starts a MariaDB server. args are added to its command line, such as --binlog-format=ROW.
func MariaDB(tb testing.TB, args ...string) *Server {
	tb.Helper()
	server, err := proctest.Program("mariadbd", "/usr/sbin")
	if err != nil {
		proctest.Missing(tb, fmt.Errorf("sqltest: %w", err))
	}
	return start(tb, &mariadb{server: server, args: args}, &Server{User: "cachet", Password: "cachet", Database: "cachet"})
}

type mariadb struct {
	server string
	args   []string
}

// setup is executed at each start, before the first connection.
const setup = `CREATE DATABASE IF NOT EXISTS cachet CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS cachet@'%' IDENTIFIED BY 'cachet';
GRANT ALL ON *.* TO cachet@'%' WITH GRANT OPTION;
`

func (*mariadb) program(s *Server, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, append([]string{"--no-defaults"}, args...)...) //nolint:gosec,noctx // ours
	cmd.Dir = s.dir
	return cmd
}

func (m *mariadb) prepare(s *Server) error {
	if err := os.WriteFile(filepath.Join(s.dir, "setup.sql"), []byte(setup), 0o600); err != nil {
		return err
	}
	return output(m.program(s, "mariadb-install-db", m.as("--datadir="+filepath.Join(s.dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-log-bin")...))
}

// as adds the permission to run as root.
func (*mariadb) as(args ...string) []string {
	if os.Getuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

func (m *mariadb) command(s *Server) *exec.Cmd {
	return m.program(s, m.server, append(m.as("--datadir="+filepath.Join(s.dir, "data"), "--init-file="+filepath.Join(s.dir, "setup.sql"),
		"--bind-address="+s.Host, "--port="+s.Port, "--socket="+filepath.Join(s.dir, "socket"),
		"--pid-file="+filepath.Join(s.dir, "pid"), "--skip-name-resolve", "--server-id=1",
		"--innodb-flush-log-at-trx-commit=2", // as durable as a test can tell
		"--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M"), m.args...)...)
}

func (m *mariadb) ping(s *Server) *exec.Cmd {
	return m.program(s, "mariadb-admin", append(m.connection(s), "--connect-timeout=2", "ping")...)
}

func (*mariadb) connection(s *Server) []string {
	return []string{"--protocol=tcp", "--host=" + s.Host, "--port=" + s.Port, "--user=" + s.User, "--password=" + s.Password}
}

func (m *mariadb) client(s *Server) *exec.Cmd {
	return m.program(s, "mariadb", append(m.connection(s), "--batch", "--skip-column-names", s.Database)...)
}

func (*mariadb) dsn(s *Server) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s?parseTime=true", s.User, s.Password, net.JoinHostPort(s.Host, s.Port), s.Database)
}

func (*mariadb) stop() syscall.Signal { return syscall.SIGTERM }

func (*mariadb) discard() syscall.Signal { return syscall.SIGKILL }
