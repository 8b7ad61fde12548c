cd /tmp/nc-rt; . ./r.sh
TALLY_SOCKET= ./tally-debug serve --ephemeral --testing > eph.out 2>eph.err & P=$!
sleep 2; cat eph.out; export TALLY_SOCKET=$(sed 's/.*"socket":"\([^"]*\)".*/\1/' eph.out)
tally describe tallystick.testing.v1.TestControl | grep '^rpc\|  rpc'
tally describe TestControl/AdvanceClock
tally call TestControl/StopClock '{}'
tally plans put pro --credit 20 --rollover 5
tally users subscribe alice pro --start 2026-01-31
tally credits balance alice
tally credits consume alice 1
tally credits balance alice
tally call TestControl/AdvanceClock '{"byMicros":"2678400000000"}'
tally call TestControl/AdvanceClock '{"seconds":"2678400"}'
tally credits balance alice
tally credits list alice
tally credits consume alice 1
tally credits list alice
tally credits show txn-5
tally users show alice
tally users set alice --state suspended
tally call TestControl/AdvanceClock '{"byMicros":"5356800000000"}'
tally credits balance alice
tally users set alice --state active
tally credits balance alice
tally credits consume alice 1
tally credits list alice
tally verify
kill $P; wait $P
