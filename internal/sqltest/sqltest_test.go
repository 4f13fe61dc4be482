package sqltest_test

import (
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/sqltest"
)

func TestX(t *testing.T) {
	for _, f := range []func(testing.TB, ...string) *sqltest.Server{sqltest.Postgres, sqltest.MariaDB} {
		s := time.Now()
		lap := func(what string) { t.Log(what, time.Since(s)); s = time.Now() }
		b := f(t)
		lap("start")
		t.Log(b.DSN())
		t.Log(b.Exec("create table t (i int, j text); insert into t values (1, 'x'); select * from t"))
		lap("exec")
		b.Kill()
		lap("kill")
		b.Restart()
		t.Log(b.Exec("insert into t values (2, 'x'); select * from t"))
		lap("restart")
		b.Restart()
		lap("restart")
		b.Stop()
		lap("stop")
		b.Restart()
		t.Log(b.Exec("insert into t values (2, 'x'); select * from t"))
		lap("restart")
	}
}
