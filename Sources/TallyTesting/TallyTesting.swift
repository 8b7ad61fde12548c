// TallyTesting
