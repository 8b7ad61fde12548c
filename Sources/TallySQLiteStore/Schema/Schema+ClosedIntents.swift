// An index of top-up intents by the purchase that closed them: a part of the eighth migration.

extension Schema {
  static let closedIntentIndexes = ["top_up_intent_purchase"]

  static let closedIntents = """

    CREATE INDEX top_up_intent_purchase ON top_up_intent(purchase) WHERE purchase IS NOT NULL;
    """
}
