// TallyClient
