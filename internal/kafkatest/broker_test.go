package kafkatest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

// produce writes records, each a line, to a topic.
func produce(b *kafkatest.Broker, topic string, records ...string) {
	b.Tool(strings.Join(records, "\n"), "ConsoleProducer", "--topic", topic)
}

// consume reads the values of the first n records of a topic with one partition.
func consume(b *kafkatest.Broker, topic string, n string) []string {
	out := b.Tool("", "consumer.ConsoleConsumer", "--topic", topic, "--partition", "0", "--offset", "earliest",
		"--max-messages", n, "--timeout-ms", "20000")
	return strings.Split(out, "\n")
}

func TestABrokerKeepsWhatItAcknowledgedWhenItIsKilled(t *testing.T) {
	b := kafkatest.Start(t, "num.partitions=1", "auto.create.topics.enable=true")
	addr := b.Addr
	produce(b, "t", "a", "b")
	b.Kill()
	b.Kill()
	b.Restart()
	assert.Equal(t, addr, b.Addr)
	assert.Equal(t, []string{"a", "b"}, consume(b, "t", "2"))
	b.Stop()
	assert.False(t, b.Answers(time.Second))
}

func TestTestsShareABroker(t *testing.T) {
	var first *kafkatest.Broker
	t.Run("one", func(t *testing.T) { first = kafkatest.Shared(t) })
	require.NotNil(t, first)
	t.Run("another", func(t *testing.T) {
		b := kafkatest.Shared(t)
		require.Equal(t, first.Addr, b.Addr)
		assert.True(t, b.Answers(time.Minute))
	})
}

func TestAFrozenBrokerDoesNotAnswer(t *testing.T) {
	b := kafkatest.Shared(t)
	require.True(t, b.Answers(time.Minute))
	b.Freeze()
	assert.False(t, b.Answers(100*time.Millisecond))
	b.Thaw()
	assert.True(t, b.Answers(time.Minute))
}

func TestWithoutKafkaATestIsSkippedExceptInCI(t *testing.T) {
	run := func(ci string) (string, error) {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^TestAFrozenBrokerDoesNotAnswer$")
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), "CI="+ci)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("true")
	require.Error(t, err)
	assert.Contains(t, out, "not installed")
	out, err = run("")
	require.NoError(t, err)
	assert.Contains(t, out, "SKIP: TestAFrozenBrokerDoesNotAnswer")
	assert.Contains(t, out, "not installed")
}
